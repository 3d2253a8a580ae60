//! The suppression list learns from delivery reports.

use std::sync::Arc;
use std::time::Duration;

use queue::backend::{Backend, BackendErrorKind};
use queue::clock::{Clock, ManualClock};
use queue::delivery::{Deliveries, DeliveryFailure, DeliveryReport, Tracked};
use queue::job::Address;
use queue::policy::{
    HARD_FAILURE_KEPT, Sender, SuppressReported, Suppression, SuppressionEntry, SuppressionReason,
    SuppressionScope, SuppressionSource,
};
use queue::provider::{Mock, Provider};
use queue::testing::TestQueue;
use queue::testing::fault::{FaultyBackend, StoreCall, StoreFault};
use queue::{SmsJob, create_notification_sms_job};

use super::support::*;

/// What the list holds of the recipient after a report on a message to them.
async fn learnt(
    store: &Store,
    report: impl Fn(&str) -> DeliveryReport,
    change: impl Fn(SuppressReported) -> SuppressReported,
) -> Vec<SuppressionEntry> {
    let list = Suppression::new(store.records()).clock(store.clock.clone());
    let deliveries = Deliveries::of(&store.queue)
        .observer(change(list.from_reports()))
        .build();
    let provider = Tracked::new(Mock::new(), deliveries.clone());
    let sent = provider
        .send(&message(KENYAN), &context("notification"))
        .await
        .unwrap();
    let report = report(&sent.message_id.unwrap());
    deliveries.apply(report).await.unwrap();
    list.entries(&number(KENYAN).key("sms")).await.unwrap()
}

fn failed(failure: DeliveryFailure) -> impl Fn(&str) -> DeliveryReport {
    move |id| DeliveryReport::failed("mock", id, failure)
}

crate::store::on_each_store! {
    "current_thread": a_blocked_sender_is_not_tried_again
}

async fn a_blocked_sender_is_not_tried_again(store: Store) {
    let list = Suppression::new(store.records()).clock(store.clock.clone());
    let deliveries = Deliveries::of(&store.queue)
        .observer(list.from_reports())
        .build();
    let mock = Mock::new();
    let provider = list.around(Tracked::new(mock.clone(), deliveries.clone()));
    create_notification_sms_job(&store.queue, notification(KENYAN))
        .await
        .unwrap();
    assert_eq!(store.queue.run_due(&provider).await.completed, 1);
    // The report comes a day later.
    store.queue.advance(Duration::from_secs(24 * 3600));
    let report = DeliveryReport::failed("mock", "mock-1", DeliveryFailure::Blocked);
    deliveries.apply(report).await.unwrap();
    create_notification_sms_job(&store.queue, notification(KENYAN))
        .await
        .unwrap();
    assert_eq!(store.queue.run_due(&provider).await.dead, 1);
    assert_eq!(mock.call_count(), 1);
    let entry = list
        .check(&number(KENYAN).key("sms"), None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(entry.reason, SuppressionReason::OptedOut);
    assert_eq!(entry.source, SuppressionSource::Report("mock".to_owned()));
    assert_eq!(entry.since, store.clock.now());
}

#[tokio::test]
async fn each_failure_says_its_own_of_the_recipient() {
    use DeliveryFailure::{Account, Blocked, Number, Provider, Refused, Sender, Unreachable};
    for (failure, reason) in [
        (Blocked, Some(SuppressionReason::OptedOut)),
        (Number, Some(SuppressionReason::HardFailure)),
        (Unreachable, None),
        (Refused, None),
        (Sender, None),
        (Account, None),
        (Provider, None),
    ] {
        let store = Store::in_memory().await;
        let entries = learnt(&store, failed(failure), |observer| observer).await;
        let reasons: Vec<_> = entries.iter().map(|entry| entry.reason).collect();
        assert_eq!(reasons, Vec::from_iter(reason), "{failure:?}");
    }
}

#[tokio::test]
async fn a_dead_number_is_left_alone_for_a_while_and_an_opt_out_for_good() {
    let store = Store::in_memory().await;
    let now = store.clock.now();
    let entries = learnt(&store, failed(DeliveryFailure::Number), |observer| observer).await;
    assert_eq!(
        entries[0].until,
        Some(now.saturating_add(HARD_FAILURE_KEPT))
    );
    assert_eq!(entries[0].scope, SuppressionScope::Everything);

    let store = Store::in_memory().await;
    let none = learnt(&store, failed(DeliveryFailure::Number), |observer| {
        observer.hard_failures(None)
    });
    assert_eq!(none.await, []);

    let store = Store::in_memory().await;
    let offers = || Sender::new("OFFERS").unwrap();
    let entries = learnt(&store, failed(DeliveryFailure::Blocked), |observer| {
        observer.sender(offers())
    });
    let entries = entries.await;
    assert_eq!(entries[0].scope, SuppressionScope::Sender(offers()));
    assert_eq!(entries[0].until, None);
}

#[tokio::test]
async fn a_report_that_the_list_could_not_take_comes_again() {
    let clock = ManualClock::default();
    let store = Arc::new(FaultyBackend::in_memory(&clock).await);
    let queue = TestQueue::<SmsJob>::over(store.clone(), clock.clone());
    let list = Suppression::new(store.records()).clock(clock);
    let deliveries = Deliveries::of(&queue).observer(list.from_reports()).build();
    let provider = Tracked::new(Mock::new(), deliveries.clone());
    provider
        .send(&message(KENYAN), &context("notification"))
        .await
        .unwrap();
    let report = || DeliveryReport::failed("mock", "mock-1", DeliveryFailure::Blocked);
    store.fail(
        StoreCall::Record,
        1,
        StoreFault::Refuse(BackendErrorKind::Full),
    );
    let error = deliveries.apply(report()).await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Full);
    let known = deliveries.message("mock", "mock-1").await.unwrap().unwrap();
    assert_eq!(
        known.failure, None,
        "a report that was not taken is not recorded"
    );
    deliveries.apply(report()).await.unwrap();
    assert!(
        list.check(&number(KENYAN).key("sms"), None)
            .await
            .unwrap()
            .is_some()
    );
}
