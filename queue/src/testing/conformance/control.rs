//! Repairs: cancel, requeue, pause, purge, close.

use std::time::Duration;

use super::Subject;
use super::subject::{QUEUE, dead};
use crate::backend::{BackendErrorKind, Cancelled, Disposition, Enqueued, Requeued};
use crate::clock::Clock;
use crate::job::{JobId, State};

pub(super) async fn a_cancelled_job_never_starts(subject: Subject) {
    let ready = subject.put_one().await;
    let mut envelope = subject.envelope();
    let later = subject.span(Duration::from_secs(60));
    envelope.due_at = envelope.due_at.saturating_add(later);
    let scheduled = envelope.id;
    subject.put(envelope).await;
    for id in [ready, scheduled] {
        assert_eq!(
            subject.backend.cancel(id).await.expect("cancel works"),
            Cancelled::Cancelled
        );
        assert_eq!(subject.state(id).await, State::Cancelled);
        assert_eq!(subject.view(id).await.payload_bytes, 0);
    }
    subject.pass(2 * later).await;
    assert!(subject.take(10).await.is_empty());
}

pub(super) async fn a_cancel_that_was_dropped_is_finished_or_was_never_begun(subject: Subject) {
    let (mut finished, mut never_begun) = (0, 0);
    for steps in 0..24 {
        let envelope = || subject.keyed(&format!("k{steps}"), Duration::from_secs(60));
        let mut scheduled = envelope();
        let later = subject.span(Duration::from_secs(600));
        scheduled.due_at = scheduled.due_at.saturating_add(later);
        let id = scheduled.id;
        subject.put(scheduled).await;
        // Dropped at any step of the way.
        let mut call = subject.backend.cancel(id);
        for _ in 0..steps {
            tokio::select! {
                biased;
                _ = &mut call => break,
                () = tokio::time::sleep(Duration::from_micros(100)) => {}
            }
        }
        drop(call);
        for _ in 0..2 {
            let settled = subject.backend.settle(Vec::new()).await;
            assert_eq!(settled.expect("settle works"), []);
        }
        match subject.state(id).await {
            // Its key is free again, too.
            State::Cancelled => {
                assert_eq!(subject.put(envelope()).await, Enqueued::Accepted);
                finished += 1;
            }
            state => {
                assert_eq!(state, State::Scheduled);
                never_begun += 1;
            }
        }
    }
    assert!(finished > 0 && never_begun > 0, "{finished} {never_begun}");
}

pub(super) async fn a_job_cancelled_in_doubt_is_unknown(subject: Subject) {
    let keyed = subject.keyed("k", Duration::from_secs(60));
    let id = keyed.id;
    subject.put(keyed).await;
    let delivery = subject.take_one().await;
    let retry = Disposition::Retry {
        at: subject.clock.now(),
        reason: "no answer came".to_owned(),
        in_doubt: true,
    };
    subject.end(&delivery, retry).await;
    assert_eq!(
        subject.backend.cancel(id).await.expect("cancel works"),
        Cancelled::InDoubt
    );
    assert_eq!(subject.state(id).await, State::Unknown);
    assert!(subject.take(10).await.is_empty());
    // It may have been sent, so its key stays taken.
    let again = subject
        .put(subject.keyed("k", Duration::from_secs(60)))
        .await;
    assert_eq!(again, Enqueued::Duplicate { of: id });
    assert_eq!(
        subject.backend.cancel(id).await.expect("cancel works"),
        Cancelled::TooLate(State::Unknown)
    );
}

pub(super) async fn a_running_or_finished_job_is_not_cancelled(subject: Subject) {
    let id = subject.put_one().await;
    let delivery = subject.take_one().await;
    assert_eq!(
        subject.backend.cancel(id).await.expect("cancel works"),
        Cancelled::TooLate(State::Running)
    );
    subject.end(&delivery, Disposition::Complete(None)).await;
    assert_eq!(
        subject.backend.cancel(id).await.expect("cancel works"),
        Cancelled::TooLate(State::Completed)
    );
    assert_eq!(
        subject
            .backend
            .cancel(JobId::new())
            .await
            .expect("cancel works"),
        Cancelled::NotFound
    );
}

pub(super) async fn a_dead_job_is_requeued_with_fresh_attempts(subject: Subject) {
    let id = subject.put_one().await;
    let delivery = subject.take_one().await;
    subject.end(&delivery, dead()).await;
    assert_eq!(
        subject.backend.requeue(id).await.expect("requeue works"),
        Requeued::Requeued
    );
    let again = subject.take_one().await;
    assert_eq!((again.envelope.id, again.attempt), (id, 1));
    assert_eq!(again.envelope.payload, delivery.envelope.payload);
}

pub(super) async fn a_requeue_that_makes_no_sense_says_why(subject: Subject) {
    let window = Duration::from_secs(60);
    let requeue = |id| subject.backend.requeue(id);
    let ready = subject.put_one().await;
    assert_eq!(
        requeue(ready).await.expect("requeue works"),
        Requeued::WrongState(State::Ready)
    );
    subject.backend.cancel(ready).await.expect("cancel works");
    assert_eq!(
        requeue(JobId::new()).await.expect("requeue works"),
        Requeued::NotFound
    );

    let mut secret = subject.envelope();
    secret.secret = true;
    let id = secret.id;
    subject.put(secret).await;
    subject.end(&subject.take_one().await, dead()).await;
    assert_eq!(requeue(id).await.expect("requeue works"), Requeued::Wiped);

    let keyed = subject.keyed("k", window);
    let id = keyed.id;
    subject.put(keyed).await;
    subject.end(&subject.take_one().await, dead()).await;
    let usurper = subject.keyed("k", window);
    let by = usurper.id;
    subject.put(usurper).await;
    assert_eq!(
        requeue(id).await.expect("requeue works"),
        Requeued::KeyTaken { by }
    );
    subject.backend.cancel(by).await.expect("cancel works");

    let mut brief = subject.envelope();
    let soon = subject.span(Duration::from_secs(5));
    brief.deadline = Some(subject.clock.now().saturating_add(soon));
    let id = brief.id;
    subject.put(brief).await;
    subject.end(&subject.take_one().await, dead()).await;
    subject.pass(soon).await;
    assert_eq!(
        requeue(id).await.expect("requeue works"),
        Requeued::DeadlinePassed
    );
}

pub(super) async fn a_paused_queue_gives_nothing_out(subject: Subject) {
    subject.put_one().await;
    subject
        .backend
        .pause(QUEUE.to_owned())
        .await
        .expect("pause works");
    subject.put_one().await;
    assert!(subject.take(1).await.is_empty());
    subject.stats_become(|stats| stats.paused, true).await;
    subject
        .backend
        .resume(QUEUE.to_owned())
        .await
        .expect("resume works");
    assert_eq!(subject.take_all_of(2).await.len(), 2);
}

pub(super) async fn a_purge_deletes_what_it_is_told(subject: Subject) {
    for _ in 0..3 {
        subject.put_one().await;
    }
    subject
        .put(subject.keyed("k", Duration::from_secs(60)))
        .await;
    let delivery = subject.take_one().await;
    let purge = |states: Vec<State>| subject.backend.purge(QUEUE.to_owned(), states);
    assert_eq!(
        purge(vec![State::Running, State::Completed])
            .await
            .expect("purge works"),
        0
    );
    assert_eq!(purge(vec![State::Ready]).await.expect("purge works"), 3);
    subject
        .stats_become(|stats| (stats.ready, stats.running), (0, 1))
        .await;
    subject.end(&delivery, Disposition::Complete(None)).await;
    assert_eq!(purge(vec![State::Completed]).await.expect("purge works"), 1);
    // The purged job was never sent, so its key is free.
    let again = subject.keyed("k", Duration::from_secs(60));
    assert_eq!(subject.put(again).await, crate::backend::Enqueued::Accepted);
}

pub(super) async fn a_closed_store_says_so(subject: Subject) {
    subject.put_one().await;
    subject.backend.close().await.expect("close works");
    let error = subject
        .backend
        .enqueue(vec![subject.envelope()])
        .await
        .expect_err("the store is closed");
    assert_eq!(error.kind(), BackendErrorKind::Closed);
    let error = subject
        .backend
        .lease(subject.request(1))
        .await
        .expect_err("the store is closed");
    assert_eq!(error.kind(), BackendErrorKind::Closed);
    subject
        .backend
        .close()
        .await
        .expect("closing twice is fine");
}
