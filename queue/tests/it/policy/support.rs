//! Short words for SMS jobs and spend guards.

use queue::clock::Timestamp;
use queue::job::{Job, KindInfo};
use queue::policy::{Cap, SpendGuard, SpendGuardBuilder, Zone};
use queue::provider::{Provider, ProviderError, Receipt, SendContext};
use queue::sms::{PhoneNumber, SmsMessage, SmsText};
use queue::{JobId, NotificationSms, OtpSms, SmsJob};

pub(super) use crate::store::Store;

pub(super) const KENYAN: &str = "+254712345678";
pub(super) const OTHER: &str = "+254733445566";

pub(super) fn moment(zone: &str, local: &str) -> Timestamp {
    Zone::named(zone).unwrap().moment(local).unwrap()
}

pub(super) fn number(text: &str) -> PhoneNumber {
    text.parse().unwrap()
}

pub(super) fn message(recipient: &str) -> SmsMessage {
    SmsMessage::new(number(recipient), SmsText::new("Habari").unwrap())
}

pub(super) fn notification(recipient: &str) -> NotificationSms {
    NotificationSms {
        recipient: number(recipient),
        message: "Habari".to_owned(),
    }
}

pub(super) fn otp(recipient: &str, expiry_minutes: u16) -> OtpSms {
    OtpSms {
        recipient: number(recipient),
        code: "482913".parse().unwrap(),
        expiry_minutes,
    }
}

/// The context of a job of this kind, as a worker makes it.
pub(super) fn context(kind: &str) -> SendContext {
    let kind: &KindInfo = SmsJob::KINDS
        .iter()
        .find(|known| known.name == kind)
        .unwrap();
    let mut context = SendContext::new(JobId::new(), std::time::Duration::from_secs(10));
    context.kind = Some(queue::job::Kind::from_static(kind.name));
    context
}

/// The code of what a policy answered.
pub(super) fn code(answer: Result<Receipt, ProviderError>) -> String {
    let error = answer.expect_err("it was sent");
    error.provider_code().unwrap_or("none").to_owned()
}

pub(super) fn guard_builder(store: &Store) -> SpendGuardBuilder {
    SpendGuard::builder(store.records()).clock(store.clock.clone())
}

pub(super) fn guard_of(store: &Store, cap: Cap) -> SpendGuard {
    guard_builder(store)
        .every_country()
        .cap(cap)
        .build()
        .unwrap()
}

/// How many of `count` messages go through.
pub(super) async fn sent<P: Provider<SmsMessage>>(
    provider: &P,
    recipient: &str,
    count: usize,
) -> usize {
    let mut sent = 0;
    for _ in 0..count {
        let answer = provider
            .send(&message(recipient), &context("notification"))
            .await;
        sent += usize::from(answer.is_ok());
    }
    sent
}
