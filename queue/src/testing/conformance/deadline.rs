//! Deadlines: what is late is never sent.

use std::time::Duration;

use super::Subject;
use super::subject::QUEUE;
use crate::backend::Disposition;
use crate::clock::Clock;
use crate::job::State;

pub(super) async fn an_expired_job_is_never_leased(subject: Subject) {
    let mut envelope = subject.envelope();
    let soon = subject.span(Duration::from_secs(10));
    envelope.deadline = Some(subject.clock.now().saturating_add(soon));
    let id = envelope.id;
    subject.put(envelope).await;
    let other = subject.put_one().await;
    subject.pass(soon).await;
    let taken = subject.take(5).await;
    assert_eq!(
        taken
            .iter()
            .map(|delivery| delivery.envelope.id)
            .collect::<Vec<_>>(),
        [other]
    );
    let view = subject.view(id).await;
    assert_eq!(
        (view.state, view.attempt, view.payload_bytes),
        (State::Expired, 0, 0)
    );
}

pub(super) async fn a_lost_job_past_its_deadline_ends_unknown(subject: Subject) {
    let mut envelope = subject.envelope();
    let soon = subject.span(Duration::from_secs(10));
    envelope.deadline = Some(subject.clock.now().saturating_add(soon));
    let id = envelope.id;
    subject.put(envelope).await;
    subject.take_one().await;
    subject.pass(subject.visibility()).await;
    assert!(subject.take(1).await.is_empty());
    assert_eq!(
        subject.state(id).await,
        State::Unknown,
        "it may have been sent"
    );
}

pub(super) async fn a_job_in_doubt_ends_unknown_and_not_expired(subject: Subject) {
    for lost in [true, false] {
        let mut envelope = subject.envelope();
        envelope.deadline = Some(subject.clock.now().saturating_add(2 * subject.visibility()));
        let id = envelope.id;
        subject.put(envelope).await;
        let delivery = subject.take_one().await;
        if lost {
            // Recovered before its deadline, and then nobody has room for it.
            subject.pass(subject.visibility()).await;
            subject
                .backend
                .pause(QUEUE.to_owned())
                .await
                .expect("pause works");
            assert!(subject.take(1).await.is_empty());
            subject
                .backend
                .resume(QUEUE.to_owned())
                .await
                .expect("resume works");
        } else {
            let at = subject.clock.now().saturating_add(subject.visibility());
            let retry = Disposition::Retry {
                at,
                reason: "a timeout".into(),
                in_doubt: true,
            };
            subject.end(&delivery, retry).await;
        }
        subject.pass(2 * subject.visibility()).await;
        assert!(subject.take(1).await.is_empty());
        assert_eq!(subject.state(id).await, State::Unknown, "lost: {lost}");
    }
}
