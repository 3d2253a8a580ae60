//! Heartbeats, lost leases, and stores that fail for a while or for good.

use std::sync::atomic::Ordering;
use std::time::Duration;

use queue::backend::{BackendErrorKind, EventKind};
use queue::worker::{Outcome, WorkerErrorKind, handler_fn};
use queue::{State, Worker};

use super::support::*;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_long_job_keeps_its_lease() {
    let (queue, backend, clock) = faulty().await;
    let mut events = queue.subscribe();
    let id = enqueue(&queue, TestJob::Plain(1)).await;
    let (handler, finish, mut began) = gated();
    let worker = Worker::with_handler(queue.clone(), handler)
        .send_timeout(HOUR)
        .spawn();
    begun(&mut began).await;
    for beat in 1..=9 {
        clock.advance(Duration::from_secs(10));
        eventually("a heartbeat", || {
            backend.extends.load(Ordering::SeqCst) == beat
        })
        .await;
    }
    assert_eq!(state(&queue, id).await, State::Running);
    finish.send_replace(true);
    heard(&mut events, EventKind::Completed).await;
    let report = worker.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!((report.run.completed, report.run.total()), (1, 1));
}

#[tokio::test]
async fn a_lost_lease_cancels_the_attempt_and_records_nothing() {
    let (queue, backend, clock) = faulty().await;
    enqueue(&queue, TestJob::Plain(1)).await;
    let (handler, probe, mut began) = hanging();
    let worker = Worker::with_handler(queue.clone(), handler)
        .send_timeout(HOUR)
        .spawn();
    begun(&mut began).await;
    queue.pause().await.unwrap();
    backend.leases_are_lost.store(true, Ordering::SeqCst);
    clock.advance(Duration::from_secs(10));
    eventually("the attempt is cancelled", || {
        probe.dropped.load(Ordering::SeqCst) == 1
    })
    .await;
    let report = worker.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!((report.run.lease_lost, report.run.total()), (1, 1));
    assert_eq!(backend.settles.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_lease_that_can_not_be_extended_is_lost_when_it_ends() {
    let (queue, backend, clock) = faulty().await;
    enqueue(&queue, TestJob::Plain(1)).await;
    let (handler, probe, mut began) = hanging();
    let worker = Worker::with_handler(queue.clone(), handler)
        .send_timeout(HOUR)
        .spawn();
    begun(&mut began).await;
    queue.pause().await.unwrap();
    backend.extend_fails.store(true, Ordering::SeqCst);
    clock.advance(Duration::from_secs(29));
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(probe.dropped.load(Ordering::SeqCst), 0);
    // The next heartbeat after the failed one comes within the delay of an outage.
    eventually("the attempt is cancelled", || {
        clock.advance(Duration::from_secs(1));
        probe.dropped.load(Ordering::SeqCst) == 1
    })
    .await;
    assert_eq!(
        worker
            .shutdown(Duration::from_secs(1))
            .await
            .unwrap()
            .run
            .lease_lost,
        1
    );
}

#[tokio::test]
async fn a_job_whose_lease_ended_before_it_began_is_given_back() {
    let (queue, backend, _clock) = faulty().await;
    let id = enqueue(&queue, TestJob::Plain(1)).await;
    backend.leases_are_late.store(1, Ordering::SeqCst);
    let handler = handler_fn(
        |_: TestJob, context: queue::worker::JobContext| async move {
            assert_eq!(context.attempt, 1);
            Outcome::Completed(None)
        },
    );
    let worker = Worker::with_handler(queue.clone(), handler).unlimited();
    let report = worker.run_until_empty().await.unwrap();
    assert_eq!((report.released, report.completed), (1, 1));
    assert_eq!(view(&queue, id).await.attempt, 1);
}

#[tokio::test]
async fn a_store_that_fails_for_a_while_loses_no_job_and_no_outcome() {
    let (queue, backend, clock) = faulty().await;
    let ids = [
        enqueue(&queue, TestJob::Plain(1)).await,
        enqueue(&queue, TestJob::Plain(2)).await,
    ];
    backend.lease_failures.store(3, Ordering::SeqCst);
    backend.settle_failures.store(3, Ordering::SeqCst);
    let worker = Worker::with_handler(queue.clone(), completing()).unlimited();
    let run = worker.run_until_empty();
    tokio::pin!(run);
    let report = loop {
        tokio::select! {
            report = &mut run => break report.unwrap(),
            () = tokio::time::sleep(Duration::from_millis(1)) => clock.advance(Duration::from_millis(100)),
        }
    };
    assert_eq!((report.completed, report.total()), (2, 2));
    for id in ids {
        let completed = view(&queue, id).await;
        assert_eq!((completed.state, completed.attempt), (State::Completed, 1));
    }
}

#[tokio::test]
async fn a_closed_store_stops_the_worker_with_an_error() {
    let queue = real().await;
    let worker = Worker::with_handler(queue.clone(), completing()).spawn();
    queue.close().await.unwrap();
    let error = worker.finished().await.unwrap_err();
    assert_eq!(
        error.kind(),
        WorkerErrorKind::Backend(BackendErrorKind::Closed)
    );
    assert!(worker.is_finished());
    let again = worker.shutdown(Duration::ZERO).await.unwrap_err();
    assert_eq!(again.kind(), error.kind());
}
