//! Enqueueing: whole, in order, once.

use super::Subject;
use super::subject::QUEUE;
use crate::backend::{BackendErrorKind, Enqueued};
use crate::job::{Metadata, Priority, Tenant, TraceContext, UnknownPolicy};
use std::time::Duration;

pub(super) async fn what_is_enqueued_is_leased_intact(subject: Subject) {
    let mut envelope = subject.keyed("order:1", Duration::from_secs(60));
    envelope.priority = Priority::Critical;
    envelope.deadline = Some(envelope.created_at.saturating_add(Duration::from_secs(90)));
    envelope.max_attempts = 7;
    envelope.unknown = UnknownPolicy::Stop;
    envelope.secret = true;
    envelope.tenant = Some(Tenant::new("a.b *>c").expect("a good tenant"));
    envelope.trace = TraceContext::new(
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        Some("k=v".into()),
    );
    let mut metadata = Metadata::new();
    metadata.insert("order", "7 – ü").expect("good metadata");
    envelope.metadata = metadata;
    envelope.payload = "{\"type\":\"ping\",\"text\":\"Zażółć \u{1F600}\"}"
        .as_bytes()
        .to_vec();
    assert_eq!(subject.put(envelope.clone()).await, Enqueued::Accepted);
    let delivery = subject.take_one().await;
    assert_eq!(delivery.attempt, 1);
    assert_eq!(*delivery.envelope, envelope);
}

pub(super) async fn a_batch_is_answered_in_its_order(subject: Subject) {
    let first = subject.keyed("same", Duration::from_secs(60));
    let second = subject.keyed("same", Duration::from_secs(60));
    let third = subject.envelope();
    let winner = first.id;
    let answers = subject
        .backend
        .enqueue(vec![first, second, third])
        .await
        .expect("enqueue works");
    assert_eq!(
        answers,
        [
            Enqueued::Accepted,
            Enqueued::Duplicate { of: winner },
            Enqueued::Accepted
        ]
    );
    subject.stats_become(|stats| stats.ready, 2).await;
}

pub(super) async fn a_batch_over_the_limit_is_refused(subject: Subject) {
    let batch = (0..=subject.backend.enqueue_batch_max())
        .map(|_| subject.envelope())
        .collect();
    let error = subject
        .backend
        .enqueue(batch)
        .await
        .expect_err("the batch is too large");
    assert_eq!(error.kind(), BackendErrorKind::BatchTooLarge);
    assert_eq!(
        subject
            .backend
            .stats(QUEUE.to_owned())
            .await
            .expect("stats works")
            .pending(),
        0
    );
}

pub(super) async fn the_same_envelope_twice_is_one_job(subject: Subject) {
    let envelope = subject.keyed("retry", Duration::from_secs(60));
    assert_eq!(subject.put(envelope.clone()).await, Enqueued::Accepted);
    assert_eq!(subject.put(envelope).await, Enqueued::Accepted);
    assert_eq!(subject.take(10).await.len(), 1);
}
