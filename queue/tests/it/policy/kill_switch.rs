//! The kill switch: all sending stops, in every process, until it is let go again.

use std::time::Duration;

use queue::clock::Clock;
use queue::policy::{Amount, Cap, CapScope, Period, STOP_WAIT, SpendGuard};
use queue::provider::{Capacity, Mock, Provider};
use queue::{Priority, State, create_notification_sms_job, create_otp_sms_job};

use super::support::*;

crate::store::on_each_store! {
    "current_thread": a_worker_that_met_it_leases_nothing_for_a_while,
        a_stop_counts_nothing
}

mod shared {
    use super::*;
    crate::store::on_each_shared_store! {
        "current_thread": a_stop_holds_in_every_process_and_over_restarts
    }
}

async fn a_stop_holds_in_every_process_and_over_restarts(store: Store) {
    let guard = |records| {
        SpendGuard::builder(records)
            .clock(store.clock.clone())
            .build()
            .unwrap()
    };
    let here = guard(store.records());
    let mock = Mock::new();
    {
        let elsewhere = store.opened_again().await;
        guard(elsewhere.records())
            .stop("the bill is odd\nvery")
            .await
            .unwrap();
    }
    let stopped = here.stopped().await.unwrap().unwrap();
    assert_eq!(
        (stopped.reason.as_str(), stopped.since),
        ("the bill is odd very", store.clock.now())
    );

    let provider = here.around(mock.clone());
    let waits = create_notification_sms_job(&store.queue, notification(KENYAN))
        .await
        .unwrap();
    let expires = create_otp_sms_job(&store.queue, otp(KENYAN, 1))
        .await
        .unwrap();
    let report = store.queue.run_due(&provider).await;
    assert_eq!((report.completed, mock.call_count()), (0, 0));
    assert_eq!(store.state(expires.job_id).await, State::Expired);
    let view = store.queue.job(waits.job_id).await.unwrap().unwrap();
    assert_eq!((view.state, view.attempt), (State::Snoozed, 0));

    assert!(here.resume().await.unwrap());
    assert!(!here.resume().await.unwrap());
    store.queue.advance(STOP_WAIT * 2);
    assert_eq!(store.queue.run_due(&provider).await.completed, 1);
}

async fn a_worker_that_met_it_leases_nothing_for_a_while(store: Store) {
    let guard = SpendGuard::builder(store.records())
        .clock(store.clock.clone())
        .build()
        .unwrap();
    let provider = guard.around(Mock::new());
    let capacity = || provider.capacity(Priority::Normal, store.clock.now());
    assert_eq!(capacity(), Capacity::Open);
    guard.stop("enough").await.unwrap();
    assert_eq!(
        code(provider.send(&message(KENYAN), &context("otp")).await),
        "spend_stopped"
    );
    assert!(matches!(capacity(), Capacity::ClosedUntil(_)));
    // It looks again by itself, and at once when this process let it go.
    store.queue.advance(Duration::from_secs(10));
    assert_eq!(capacity(), Capacity::Open);
    assert_eq!(
        code(provider.send(&message(KENYAN), &context("otp")).await),
        "spend_stopped"
    );
    guard.resume().await.unwrap();
    assert_eq!(capacity(), Capacity::Open);
    assert!(
        provider
            .send(&message(KENYAN), &context("otp"))
            .await
            .is_ok()
    );
}

async fn a_stop_counts_nothing(store: Store) {
    let guard = SpendGuard::builder(store.records())
        .clock(store.clock.clone())
        .cap(Cap::new(CapScope::All, Amount::Messages(1), Period::Day))
        .build()
        .unwrap();
    let provider = guard.around(Mock::new());
    guard.stop("enough").await.unwrap();
    assert!(
        provider
            .send(&message(KENYAN), &context("otp"))
            .await
            .is_err()
    );
    guard.resume().await.unwrap();
    assert!(
        provider
            .send(&message(KENYAN), &context("otp"))
            .await
            .is_ok()
    );
}
