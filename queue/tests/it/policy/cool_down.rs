//! Cool-downs: one message of a kind, then none for a while.

use std::time::Duration;

use queue::policy::{Amount, Cap, CapScope, OverCap, Period, SpendGuard, SpendGuardBuilder};
use queue::provider::{Mock, MockAnswer, Provider};
use queue::{State, create_otp_sms_job};

use super::support::*;

const COOL_DOWN: Duration = Duration::from_secs(30);

fn builder(store: &Store) -> SpendGuardBuilder {
    let builder = SpendGuard::builder(store.records()).clock(store.clock.clone());
    builder.cool_down("otp", COOL_DOWN)
}

crate::store::on_each_store! {
    "current_thread": a_second_code_waits_or_is_refused,
        other_kinds_do_not_cool_down,
        a_job_that_is_tried_again_has_its_recipient_still,
        a_message_over_a_cap_starts_no_cool_down
}

mod shared {
    use super::*;
    crate::store::on_each_shared_store! {
        "multi_thread": of_many_codes_at_once_one_goes
    }
}

async fn a_second_code_waits_or_is_refused(store: Store) {
    let mock = Mock::new();
    let waits = builder(&store).build().unwrap().around(mock.clone());
    for _ in 0..2 {
        create_otp_sms_job(&store.queue, otp(KENYAN, 10))
            .await
            .unwrap();
    }
    create_otp_sms_job(&store.queue, otp(OTHER, 10))
        .await
        .unwrap();
    let report = store.queue.run_due(&waits).await;
    assert_eq!((report.completed, report.snoozed), (2, 1));
    // Thirty seconds, and a fifth at random.
    store.queue.advance(COOL_DOWN - Duration::from_millis(1));
    assert_eq!(store.queue.run_due(&waits).await.total(), 0);
    store.queue.advance(Duration::from_secs(7));
    assert_eq!(store.queue.run_due(&waits).await.completed, 1);

    let refuses = builder(&store)
        .over(OverCap::Refuse)
        .build()
        .unwrap()
        .around(mock);
    let refused = create_otp_sms_job(&store.queue, otp(KENYAN, 10))
        .await
        .unwrap();
    assert_eq!(store.queue.run_due(&refuses).await.dead, 1);
    let reason = store.reason(refused.job_id).await;
    assert!(reason.starts_with("rejected (cool_down)"), "{reason}");
    assert_eq!(store.state(refused.job_id).await, State::Dead);
}

async fn other_kinds_do_not_cool_down(store: Store) {
    let provider = builder(&store).build().unwrap().around(Mock::new());
    for (kind, goes) in [
        ("otp", true),
        ("notification", true),
        ("notification", true),
        ("otp", false),
    ] {
        let answer = provider.send(&message(KENYAN), &context(kind)).await;
        assert_eq!(answer.is_ok(), goes, "{kind}");
    }
}

#[tokio::test]
async fn a_message_that_was_not_sent_starts_no_cool_down() {
    for (answer, cools) in [
        (MockAnswer::rejected(), false),
        (MockAnswer::transient(), false),
        (MockAnswer::throttled(COOL_DOWN), false),
        (MockAnswer::misconfigured(), false),
        (MockAnswer::unknown(), true),
        (MockAnswer::accept(), true),
    ] {
        let store = Store::in_memory().await;
        let provider = builder(&store)
            .build()
            .unwrap()
            .around(Mock::new().then(answer));
        let first = provider.send(&message(KENYAN), &context("otp")).await;
        let second = provider.send(&message(KENYAN), &context("otp")).await;
        assert_eq!(second.is_err(), cools, "{first:?}");
    }
}

async fn a_job_that_is_tried_again_has_its_recipient_still(store: Store) {
    let mock = Mock::new().then(MockAnswer::unknown());
    let provider = builder(&store).build().unwrap().around(mock.clone());
    let mut again = context("otp");
    assert_eq!(code(provider.send(&message(KENYAN), &again).await), "mock");
    again.attempt = 2;
    assert!(provider.send(&message(KENYAN), &again).await.is_ok());
    assert_eq!(
        code(provider.send(&message(KENYAN), &context("otp")).await),
        "cool_down"
    );
    assert_eq!(mock.call_count(), 2);
}

async fn of_many_codes_at_once_one_goes(store: Store) {
    let (mock, other) = (Mock::new(), store.opened_again().await);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..32 {
        let records = match n % 2 {
            0 => store.records(),
            _ => other.records(),
        };
        let guard = SpendGuard::builder(records)
            .clock(store.clock.clone())
            .cool_down("otp", COOL_DOWN);
        let provider = guard.build().unwrap().around(mock.clone());
        tasks.spawn(async move {
            provider
                .send(&message(KENYAN), &context("otp"))
                .await
                .is_ok()
        });
    }
    let mut sent = 0;
    while let Some(task) = tasks.join_next().await {
        sent += usize::from(task.unwrap());
    }
    assert_eq!((sent, mock.call_count()), (1, 1));
}

async fn a_message_over_a_cap_starts_no_cool_down(store: Store) {
    let cap = Cap::new(CapScope::Recipient, Amount::Messages(1), Period::Day);
    let provider = builder(&store)
        .cap(cap)
        .build()
        .unwrap()
        .around(Mock::new());
    assert!(
        provider
            .send(&message(KENYAN), &context("otp"))
            .await
            .is_ok()
    );
    store.queue.advance(COOL_DOWN);
    for _ in 0..2 {
        assert_eq!(
            code(provider.send(&message(KENYAN), &context("otp")).await),
            "spend_cap"
        );
    }
}
