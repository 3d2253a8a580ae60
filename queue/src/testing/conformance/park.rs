//! Unknown kinds and newer versions: parked with their bytes, the others unharmed.

use std::time::Duration;

use super::Subject;
use super::subject::QUEUE;
use crate::clock::Clock;
use crate::job::{Kind, KindInfo, Priority, State, UnknownPolicy};

const NEWER: &[KindInfo] = &[KindInfo {
    name: "pong",
    version: 2,
    priority: Priority::Normal,
    max_attempts: 3,
    unknown: UnknownPolicy::Retry,
    secret: false,
}];

pub(super) async fn an_unknown_kind_is_parked_and_adopted(subject: Subject) {
    let mut foreign = subject.envelope();
    foreign.kind = Kind::from_static("pong");
    foreign.payload = br#"{"type":"pong","of":"the future"}"#.to_vec();
    let (id, payload) = (foreign.id, foreign.payload.clone());
    subject.put(foreign).await;
    let known = subject.put_one().await;
    let taken = subject.take(5).await;
    assert_eq!(
        taken
            .iter()
            .map(|delivery| delivery.envelope.id)
            .collect::<Vec<_>>(),
        [known]
    );
    let view = subject.view(id).await;
    assert_eq!((view.state, view.attempt), (State::Parked, 0));

    assert_eq!(
        subject
            .backend
            .unpark(QUEUE.to_owned(), super::subject::KINDS)
            .await
            .expect("unpark works"),
        0
    );
    assert_eq!(
        subject
            .backend
            .unpark(QUEUE.to_owned(), NEWER)
            .await
            .expect("unpark works"),
        1
    );
    let request = crate::backend::LeaseRequest {
        kinds: NEWER,
        ..subject.request(1)
    };
    let adopted = subject
        .backend
        .lease(request)
        .await
        .expect("lease works")
        .remove(0);
    assert_eq!((adopted.envelope.id, adopted.attempt), (id, 1));
    assert_eq!(adopted.envelope.payload, payload);
}

pub(super) async fn a_newer_version_is_parked(subject: Subject) {
    let mut newer = subject.envelope();
    newer.version = 2;
    let id = newer.id;
    subject.put(newer).await;
    assert!(subject.take(1).await.is_empty());
    assert_eq!(subject.state(id).await, State::Parked);
}

pub(super) async fn parked_jobs_hold_up_nobody(subject: Subject) {
    for _ in 0..20 {
        let mut foreign = subject.envelope();
        foreign.kind = Kind::from_static("pong");
        subject.put(foreign).await;
    }
    let known = subject.put_one().await;
    let backend = subject.backend.clone();
    let request = crate::backend::LeaseRequest {
        wait: Duration::from_secs(3600),
        ..subject.request(1)
    };
    let waiter = tokio::spawn(async move { backend.lease(request).await.expect("lease works") });
    // Each look may park one; a few milliseconds let the worker look again.
    let began = subject.clock.now();
    while !waiter.is_finished() {
        subject.tick(Duration::from_millis(1)).await;
        let waited = subject.clock.now().since(began);
        assert!(waited < subject.patience().max(Duration::from_millis(900)));
    }
    assert_eq!(waiter.await.expect("no panic")[0].envelope.id, known);
}
