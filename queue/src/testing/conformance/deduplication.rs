//! Idempotency keys: one accepted job for each key, the losers told the winner.

use std::time::Duration;

use super::Subject;
use super::subject::dead;
use crate::backend::{Cancelled, Disposition, Enqueued};
use crate::clock::Clock;

const WINDOW: Duration = Duration::from_secs(3600);

pub(super) async fn a_key_admits_one_job(subject: Subject) {
    let winner = subject.keyed("k", WINDOW);
    let id = winner.id;
    assert_eq!(subject.put(winner).await, Enqueued::Accepted);
    let calls = (0..16).map(|_| {
        let (backend, envelope) = (subject.backend.clone(), subject.keyed("k", WINDOW));
        tokio::spawn(async move {
            backend
                .enqueue(vec![envelope])
                .await
                .expect("enqueue works")[0]
        })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(
            call.await.expect("no panic"),
            Enqueued::Duplicate { of: id }
        );
    }
    assert_eq!(
        subject.put(subject.keyed("other", WINDOW)).await,
        Enqueued::Accepted
    );
}

pub(super) async fn the_losers_of_a_batch_are_told_who_holds_their_key(subject: Subject) {
    let holder = subject.keyed("taken", WINDOW);
    let of = holder.id;
    subject.put(holder).await;
    let keys = ["taken", "taken", "free", "free"];
    let batch = keys.map(|key| subject.keyed(key, WINDOW)).to_vec();
    let winner = batch[2].id;
    let answers = subject.backend.enqueue(batch).await;
    assert_eq!(
        answers.expect("enqueue works"),
        [
            Enqueued::Duplicate { of },
            Enqueued::Duplicate { of },
            Enqueued::Accepted,
            Enqueued::Duplicate { of: winner },
        ]
    );
}

pub(super) async fn a_completed_job_holds_its_key_until_the_window_ends(subject: Subject) {
    let window = subject.span(Duration::from_secs(20));
    let first = subject.keyed("k", window);
    let id = first.id;
    subject.put(first).await;
    let delivery = subject.take_one().await;
    subject.end(&delivery, Disposition::Complete(None)).await;
    let before = subject.before(window);
    subject.pass(before).await;
    assert_eq!(
        subject.put(subject.keyed("k", window)).await,
        Enqueued::Duplicate { of: id }
    );
    subject.pass(window - before).await;
    assert_eq!(
        subject.put(subject.keyed("k", window)).await,
        Enqueued::Accepted
    );
}

pub(super) async fn a_dead_or_cancelled_job_frees_its_key(subject: Subject) {
    subject.put(subject.keyed("k", WINDOW)).await;
    let delivery = subject.take_one().await;
    subject.end(&delivery, dead()).await;
    let second = subject.keyed("k", WINDOW);
    let id = second.id;
    assert_eq!(subject.put(second).await, Enqueued::Accepted);
    assert_eq!(
        subject.backend.cancel(id).await.expect("cancel works"),
        Cancelled::Cancelled
    );
    let mut third = subject.keyed("k", WINDOW);
    third.deadline = Some(subject.clock.now().saturating_add(Duration::from_secs(1)));
    assert_eq!(subject.put(third).await, Enqueued::Accepted);
    subject.pass(Duration::from_secs(2)).await;
    assert!(subject.take(1).await.is_empty());
    assert_eq!(
        subject.put(subject.keyed("k", WINDOW)).await,
        Enqueued::Accepted
    );
}

pub(super) async fn a_live_job_holds_its_key_beyond_the_window(subject: Subject) {
    let mut first = subject.keyed("k", Duration::ZERO);
    let half = subject.span(Duration::from_secs(10));
    first.due_at = first.due_at.saturating_add(2 * half);
    let id = first.id;
    subject.put(first).await;
    subject.pass(half).await;
    assert_eq!(
        subject.put(subject.keyed("k", Duration::ZERO)).await,
        Enqueued::Duplicate { of: id }
    );
    subject.pass(half).await;
    let delivery = subject.take_one().await;
    assert_eq!(
        subject.put(subject.keyed("k", Duration::ZERO)).await,
        Enqueued::Duplicate { of: id }
    );
    subject.end(&delivery, Disposition::Complete(None)).await;
    assert_eq!(
        subject.put(subject.keyed("k", Duration::ZERO)).await,
        Enqueued::Accepted
    );
}
