//! Caps: what is counted, for whom, in which time, and what becomes of the rest.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use queue::backend::{Backend, BackendErrorKind};
use queue::clock::ManualClock;
use queue::job::Tenant;
use queue::policy::{
    Amount, Cap, CapScope, Money, OverCap, Period, PriceTable, Refusal, SpendGuard,
};
use queue::provider::{
    Mock, MockAnswer, Provider, ProviderError, ProviderErrorKind, Receipt, SendContext,
};
use queue::sms::{SmsMessage, SmsText};
use queue::testing::fault::{FaultyBackend, StoreCall, StoreFault};
use queue::{State, create_notification_sms_job, create_otp_sms_job};

use super::support::*;

const HOUR: Duration = Duration::from_secs(3600);

crate::store::on_each_store! {
    "current_thread": all_caps_count_or_none,
        a_send_that_is_cut_off_stays_counted,
        a_message_is_counted_before_it_is_sent,
        what_is_over_a_cap_waits_or_is_refused_by_kind,
        a_deferred_code_expires_and_is_never_sent_late,
        a_message_that_alone_is_over_a_cap_is_refused_and_does_not_wait
}

#[tokio::test]
async fn each_scope_counts_together_what_it_says() {
    let neighbour = "+254712345999";
    let abroad = "+255712345678";
    // Scope, and who shares the count of the Kenyan number.
    for (scope, with_neighbour, with_other, with_abroad) in [
        (CapScope::Recipient, false, false, false),
        (CapScope::Prefix { digits: 9 }, true, false, false),
        (CapScope::Country, true, true, false),
        (CapScope::Provider, true, true, true),
        (CapScope::Kind, true, true, true),
        (CapScope::All, true, true, true),
    ] {
        for (other, shared) in [
            (neighbour, with_neighbour),
            (OTHER, with_other),
            (abroad, with_abroad),
        ] {
            let store = Store::in_memory().await;
            let guard = guard_of(&store, Cap::new(scope, Amount::Messages(3), Period::Day));
            let provider = guard.around(Mock::new());
            assert_eq!(sent(&provider, KENYAN, 5).await, 3, "{scope}");
            let expected = if shared { 0 } else { 3 };
            assert_eq!(
                sent(&provider, other, 5).await,
                expected,
                "{scope}: {other}"
            );
        }
    }
}

#[tokio::test]
async fn tenants_and_kinds_have_counts_of_their_own() {
    let store = Store::in_memory().await;
    let cap = Cap::new(CapScope::Tenant, Amount::Messages(1), Period::Day);
    let provider = guard_of(&store, cap).around(Mock::new());
    let send = async |kind: &str, tenant: Option<&str>| {
        let mut context = context(kind);
        context.tenant = tenant.map(|name| Tenant::new(name).unwrap());
        provider.send(&message(KENYAN), &context).await.is_ok()
    };
    assert!(send("otp", Some("a")).await && !send("otp", Some("a")).await);
    assert!(send("otp", Some("b")).await);
    // Not counted without a tenant.
    assert!(send("otp", None).await && send("otp", None).await);

    let store = Store::in_memory().await;
    let cap = Cap::new(CapScope::All, Amount::Messages(1), Period::Day).only_kind("notification");
    let provider = guard_of(&store, cap).around(Mock::new());
    for (kind, goes) in [
        ("notification", true),
        ("notification", false),
        ("otp", true),
        ("otp", true),
    ] {
        assert_eq!(
            provider
                .send(&message(KENYAN), &context(kind))
                .await
                .is_ok(),
            goes
        );
    }
}

#[tokio::test]
async fn segments_and_money_are_counted_as_such() {
    let long = |segments: usize| {
        let text = SmsText::new("a".repeat(153 * segments)).unwrap();
        assert_eq!(usize::from(text.segments()), segments);
        SmsMessage::new(number(KENYAN), text)
    };
    let prices = PriceTable::new(Money::minor(80));
    for amount in [Amount::Segments(5), Amount::Cost(Money::minor(400))] {
        let store = Store::in_memory().await;
        let cap = Cap::new(CapScope::All, amount, Period::Day);
        let guard = guard_builder(&store)
            .cap(cap)
            .prices(prices.clone())
            .build()
            .unwrap();
        let provider = guard.around(Mock::new());
        let send = async |segments| {
            provider
                .send(&long(segments), &context("notification"))
                .await
                .is_ok()
        };
        assert!(send(3).await, "{amount}");
        // Not half of it.
        assert!(!send(3).await, "{amount}");
        assert!(send(2).await, "{amount}");
        assert!(!send(2).await, "{amount}");
    }
}

async fn all_caps_count_or_none(store: Store) {
    let guard = guard_builder(&store)
        .cap(Cap::new(CapScope::All, Amount::Messages(3), Period::Day))
        .cap(Cap::new(
            CapScope::Recipient,
            Amount::Messages(1),
            Period::Day,
        ))
        .build()
        .unwrap();
    let provider = guard.around(Mock::new());
    assert_eq!(sent(&provider, KENYAN, 10).await, 1);
    // Nine refusals left no mark on the count of all.
    assert_eq!(
        sent(&provider, OTHER, 1).await + sent(&provider, "+254712000001", 1).await,
        2
    );
    assert_eq!(sent(&provider, "+254712000002", 1).await, 0);
}

#[tokio::test]
async fn what_was_surely_not_sent_is_taken_back_and_the_rest_stays() {
    for (answer, stays) in [
        (MockAnswer::accept(), true),
        (MockAnswer::unknown(), true),
        (MockAnswer::rejected(), false),
        (MockAnswer::transient(), false),
        (MockAnswer::throttled(HOUR), false),
        (MockAnswer::misconfigured(), false),
    ] {
        let store = Store::in_memory().await;
        let guard = guard_of(
            &store,
            Cap::new(CapScope::All, Amount::Messages(1), Period::Day),
        );
        let provider = guard.around(Mock::new().then(answer));
        let first = provider
            .send(&message(KENYAN), &context("notification"))
            .await;
        let room = provider
            .send(&message(KENYAN), &context("notification"))
            .await
            .is_ok();
        assert_eq!(room, !stays, "{first:?}");
    }
}

async fn a_send_that_is_cut_off_stays_counted(store: Store) {
    let guard = guard_of(
        &store,
        Cap::new(CapScope::All, Amount::Messages(1), Period::Day),
    );
    let mock = Mock::new().then(MockAnswer::hang());
    let provider = guard.around(mock.clone());
    let (sms, cut) = (message(KENYAN), context("notification"));
    let send = provider.send(&sms, &cut);
    let called = async {
        while mock.call_count() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = send => panic!("a hanging provider answered"),
        () = called => {}
    }
    assert_eq!(
        code(provider.send(&sms, &context("notification")).await),
        "spend_cap"
    );
}

async fn a_message_is_counted_before_it_is_sent(store: Store) {
    let guard = guard_of(
        &store,
        Cap::new(CapScope::All, Amount::Messages(1), Period::Day),
    );
    // A provider that, while it sends, tries to send another one.
    struct Greedy(SpendGuard, Mutex<Option<String>>);
    impl Provider<SmsMessage> for Greedy {
        fn name(&self) -> &str {
            "greedy"
        }

        fn send<'a>(
            &'a self,
            sms: &'a SmsMessage,
            _: &'a SendContext,
        ) -> queue::BoxFuture<'a, Result<Receipt, ProviderError>> {
            Box::pin(async move {
                let second = self.0.around(Mock::new());
                let answer = second.send(sms, &context("notification")).await;
                *self.1.lock().unwrap() = Some(code(answer));
                Ok(Receipt::new("greedy"))
            })
        }
    }
    let greedy = Arc::new(Greedy(guard.clone(), Mutex::new(None)));
    let provider = guard.around(greedy.clone());
    assert!(
        provider
            .send(&message(KENYAN), &context("notification"))
            .await
            .is_ok()
    );
    assert_eq!(greedy.1.lock().unwrap().as_deref(), Some("spend_cap"));
}

async fn what_is_over_a_cap_waits_or_is_refused_by_kind(store: Store) {
    let mock = Mock::new();
    let guard = guard_builder(&store)
        .cap(Cap::new(
            CapScope::Recipient,
            Amount::Messages(1),
            Period::Every(HOUR),
        ))
        .over_for("otp", OverCap::Refuse)
        .build()
        .unwrap();
    let provider = guard.around(mock.clone());
    let first = create_notification_sms_job(&store.queue, notification(KENYAN))
        .await
        .unwrap();
    store.queue.run_due(&provider).await;
    let waits = create_notification_sms_job(&store.queue, notification(KENYAN))
        .await
        .unwrap();
    let refused = create_otp_sms_job(&store.queue, otp(KENYAN, 10))
        .await
        .unwrap();
    // It stands behind the two, and is not held up.
    let other = create_notification_sms_job(&store.queue, notification(OTHER))
        .await
        .unwrap();
    let report = store.queue.run_due(&provider).await;
    assert_eq!((report.snoozed, report.dead, report.completed), (1, 1, 1));
    for (job, state) in [
        (first, State::Completed),
        (waits, State::Snoozed),
        (refused, State::Dead),
        (other, State::Completed),
    ] {
        assert_eq!(store.state(job.job_id).await, state);
    }
    let reason = store.reason(refused.job_id).await;
    assert!(reason.starts_with("rejected (spend_cap)"), "{reason}");
    let view = store.queue.job(waits.job_id).await.unwrap().unwrap();
    assert_eq!(view.attempt, 0, "a deferral charges no attempt");
    store.queue.advance(HOUR + Duration::from_secs(300));
    assert_eq!(store.queue.run_due(&provider).await.completed, 1);
    assert_eq!(store.state(waits.job_id).await, State::Completed);
}

async fn a_deferred_code_expires_and_is_never_sent_late(store: Store) {
    let cap = Cap::new(CapScope::Recipient, Amount::Messages(1), Period::Day);
    let (guard, mock) = (guard_of(&store, cap), Mock::new());
    let provider = guard.around(mock.clone());
    create_otp_sms_job(&store.queue, otp(KENYAN, 10))
        .await
        .unwrap();
    let late = create_otp_sms_job(&store.queue, otp(KENYAN, 10))
        .await
        .unwrap();
    store.queue.drain(&provider).await;
    assert_eq!(store.state(late.job_id).await, State::Expired);
    assert_eq!(mock.sent_count(), 1);
}

#[tokio::test]
async fn nothing_is_sent_that_could_not_be_counted() {
    let clock = ManualClock::default();
    let store = Arc::new(FaultyBackend::in_memory(&clock).await);
    let guard = SpendGuard::builder(store.records())
        .clock(clock)
        .cap(Cap::new(CapScope::All, Amount::Messages(1), Period::Day))
        .build()
        .unwrap();
    let mock = Mock::new();
    let provider = guard.around(mock.clone());
    for call in [StoreCall::Read, StoreCall::Record] {
        store.fail(call, 1, StoreFault::Refuse(BackendErrorKind::Full));
        let error = provider
            .send(&message(KENYAN), &context("otp"))
            .await
            .unwrap_err();
        assert_eq!(Refusal::of(&error), Some(Refusal::Unchecked));
        let full = Duration::from_secs(30);
        assert_eq!(error.kind(), ProviderErrorKind::Throttled { after: full });
    }
    assert_eq!(mock.call_count(), 0);
    assert!(
        provider
            .send(&message(KENYAN), &context("otp"))
            .await
            .is_ok()
    );
    // What can't be taken back stays counted: too much rather than too little.
    mock.push(MockAnswer::transient());
    let other = SpendGuard::builder(store.records())
        .name("other")
        .cap(Cap::new(CapScope::All, Amount::Messages(1), Period::Day));
    let other = other.build().unwrap().around(mock.clone());
    store.fail(
        StoreCall::Record,
        2,
        StoreFault::Refuse(BackendErrorKind::Io),
    );
    let error = other
        .send(&message(KENYAN), &context("otp"))
        .await
        .unwrap_err();
    assert_eq!(Refusal::of(&error), None);
    assert_eq!(
        code(other.send(&message(KENYAN), &context("otp")).await),
        "spend_cap"
    );
}

async fn a_message_that_alone_is_over_a_cap_is_refused_and_does_not_wait(store: Store) {
    let guard = guard_of(
        &store,
        Cap::new(CapScope::All, Amount::Segments(1), Period::Day),
    );
    let provider = guard.around(Mock::new());
    let text = SmsText::new("a".repeat(161)).unwrap();
    let long = SmsMessage::new(number(KENYAN), text);
    let error = provider
        .send(&long, &context("notification"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), Refusal::of(&error)),
        (ProviderErrorKind::Rejected, Some(Refusal::SpendCap))
    );
    assert!(
        provider
            .send(&message(KENYAN), &context("notification"))
            .await
            .is_ok()
    );
}
