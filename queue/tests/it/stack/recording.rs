//! Every call that was really made is told, and no other.

use std::sync::{Arc, Mutex};

use queue::clock::ManualClock;
use queue::provider::MockAnswer;
use queue::provider::stack::{CallOutcome, CallRecord, Guarded, ProviderStack};

use super::support::*;

#[tokio::test]
async fn calls_are_told_with_provider_outcome_and_latency() {
    let clock = ManualClock::default();
    let first = SmsMock::new()
        .named("first")
        .clock(clock.clone())
        .then(MockAnswer::misconfigured())
        .then(MockAnswer::hang());
    let second = SmsMock::new().named("second");
    let records: Arc<Mutex<Vec<CallRecord>>> = Arc::default();
    let told = records.clone();
    let stack = ProviderStack::builder()
        .guarded(Guarded::new(first).time_limit(3 * SECOND))
        .provider(second)
        .clock(clock.clone())
        .on_call(|_| panic!("a bug in the application"))
        .on_call(move |record| told.lock().unwrap().push(record.clone()))
        .build();
    assert_eq!(short(bulk(&stack).await), "second");
    // Held: the first one is not called, so nothing is told of it.
    assert_eq!(short(bulk(&stack).await), "second");
    clock.advance(60 * SECOND);
    let sending = tokio::spawn(async move { short(bulk(&stack).await) });
    while records.lock().unwrap().len() < 4 {
        clock.advance(SECOND / 10);
        tokio::task::yield_now().await;
    }
    // Its outcome is unknown, and the policy of the job is to stop.
    assert_eq!(sending.await.unwrap(), "unknown");
    let records = records.lock().unwrap();
    let outcomes: Vec<(&str, &str)> = (records.iter())
        .map(|record| (record.provider.as_str(), record.outcome.as_str()))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("first", "misconfigured"),
            ("second", "accepted"),
            ("second", "accepted"),
            ("first", "unknown"),
        ]
    );
    assert!(records[3].latency >= 3 * SECOND);
    assert_eq!((records[0].channel, records[0].attempt), ("sms", 1));
    let CallOutcome::Accepted(receipt) = &records[1].outcome else {
        panic!("it was accepted");
    };
    assert_eq!(receipt.message_id.as_deref(), Some("second-1"));
    let shown = format!("{records:?}");
    assert!(!shown.contains("712345678") && !shown.contains("Karibu"));
}
