//! Events: a job's life in order, and honesty about gaps.

use std::time::Duration;

use super::Subject;
use crate::backend::{Disposition, EventKind};
use crate::clock::Clock;

pub(super) async fn events_tell_a_life_in_order(subject: Subject) {
    let mut events = subject.backend.subscribe();
    subject
        .put(subject.keyed("order:7", Duration::from_secs(60)))
        .await;
    let now = subject.clock.now();
    subject
        .end(
            &subject.take_one().await,
            Disposition::Retry {
                at: now,
                reason: "busy".into(),
                in_doubt: false,
            },
        )
        .await;
    subject
        .end(&subject.take_one().await, Disposition::Complete(None))
        .await;
    let expected = [
        (EventKind::Enqueued, 0),
        (EventKind::Started, 1),
        (EventKind::Retried, 1),
        (EventKind::Started, 2),
        (EventKind::Completed, 2),
    ];
    for (name, attempt) in expected {
        let event = events
            .next()
            .await
            .expect("the store is open")
            .expect("the reader keeps up");
        assert_eq!((event.name, event.attempt), (name, attempt));
        assert_eq!(
            event.idempotency_key.map(String::from).as_deref(),
            Some("order:7")
        );
    }
    subject.backend.close().await.expect("close works");
    assert!(events.next().await.is_none());
}

pub(super) async fn a_slow_observer_is_told_what_it_missed(subject: Subject) {
    let mut events = subject.backend.subscribe();
    let mut enqueued = 0;
    // More than any backend keeps for a reader who is behind.
    while enqueued < 30_000 {
        let batch: Vec<_> = (0..subject.backend.enqueue_batch_max().min(2000))
            .map(|_| subject.envelope())
            .collect();
        enqueued += batch.len() as u64;
        subject.backend.enqueue(batch).await.expect("enqueue works");
    }
    let lagged = events
        .next()
        .await
        .expect("the store is open")
        .expect_err("the reader lagged");
    assert!(lagged.missed > 0 && lagged.missed < enqueued);
    assert!(events.next().await.expect("the store is open").is_ok());
}
