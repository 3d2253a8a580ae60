//! Messages, their contexts, and a stack whose time stands still.

use std::time::Duration;

use queue::clock::{Clock, ManualClock};
use queue::job::UnknownPolicy;
use queue::provider::{Mock, Provider, ProviderError, Receipt, SendContext};
use queue::sms::{SmsMessage, SmsText};
use queue::{JobId, Priority};

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) type SmsMock = Mock<SmsMessage>;

pub(super) fn sms(number: &str) -> SmsMessage {
    SmsMessage::new(number.parse().unwrap(), SmsText::new("Karibu").unwrap())
}

pub(super) fn context(priority: Priority) -> SendContext {
    let mut context = SendContext::new(JobId::new(), 10 * SECOND);
    context.priority = priority;
    context.unknown = UnknownPolicy::Stop;
    context
}

/// A one-time code: somebody waits for it.
pub(super) async fn urgent(provider: &impl Provider<SmsMessage>) -> Result<Receipt, ProviderError> {
    provider
        .send(&sms("0712345678"), &context(Priority::High))
        .await
}

/// A part of a campaign.
pub(super) async fn bulk(provider: &impl Provider<SmsMessage>) -> Result<Receipt, ProviderError> {
    provider
        .send(&sms("0712345678"), &context(Priority::Low))
        .await
}

/// What an answer was: the provider that accepted, or the error's kind.
pub(super) fn short(answer: Result<Receipt, ProviderError>) -> String {
    match answer {
        Ok(receipt) => receipt.provider,
        Err(error) => error.kind().as_str().to_owned(),
    }
}

/// Steps the wall clock by so many seconds, as a time server does, or a person.
pub(super) fn step(clock: &ManualClock, seconds: i64) {
    let now = clock.now().as_millis() + 1000 * seconds;
    clock.step_to(queue::clock::Timestamp::from_millis(now));
}
