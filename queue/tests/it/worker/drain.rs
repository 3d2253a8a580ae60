//! `run_until_empty`, and jobs that this program can't decode.

use std::time::Duration;

use queue::worker::{Outcome, handler_fn};
use queue::{State, Worker};

use super::support::*;

async fn complete(queue: &queue::Queue<TestJob>) -> queue::worker::RunReport {
    let worker = Worker::with_handler(queue.clone(), completing()).unlimited();
    tokio::time::timeout(PATIENCE, worker.run_until_empty())
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn an_empty_queue_ends_at_once() {
    let (queue, _clock) = manual().await;
    assert_eq!(complete(&queue).await.total(), 0);
}

#[tokio::test]
async fn it_ends_soon_after_the_last_job_of_another_worker() {
    let queue = real().await;
    enqueue(&queue, TestJob::Plain(1)).await;
    let (handler, open, mut began) = gated();
    let other = Worker::with_handler(queue.clone(), handler).spawn();
    begun(&mut began).await;
    let until_empty = tokio::spawn({
        let queue = queue.clone();
        async move { complete(&queue).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!until_empty.is_finished(), "another worker is still at it");
    open.send_replace(true);
    let start = std::time::Instant::now();
    assert_eq!(until_empty.await.unwrap().total(), 0);
    assert!(start.elapsed() < Duration::from_secs(5));
    drop(other);
}

#[tokio::test]
async fn everything_ready_runs_and_what_waits_is_left() {
    let (queue, clock) = manual().await;
    for n in 0..100 {
        enqueue(&queue, TestJob::Plain(n)).await;
    }
    let later = queue
        .enqueue(TestJob::Plain(1))
        .delay(Duration::from_secs(60));
    let later = later.await.unwrap().job_id;
    assert_eq!(complete(&queue).await.completed, 100);
    assert_eq!(state(&queue, later).await, State::Scheduled);
    clock.advance(Duration::from_secs(60));
    assert_eq!(complete(&queue).await.completed, 1);
}

#[tokio::test]
async fn jobs_that_handlers_enqueue_run_too() {
    let (queue, _clock) = manual().await;
    enqueue(&queue, TestJob::Plain(5)).await;
    let next = queue.clone();
    let handler = handler_fn(move |job: TestJob, _| {
        let next = next.clone();
        async move {
            if let Some(number) = job.number().checked_sub(1) {
                enqueue(&next, TestJob::Plain(number)).await;
            }
            Outcome::Completed(None)
        }
    });
    let worker = Worker::with_handler(queue.clone(), handler).unlimited();
    assert_eq!(worker.run_until_empty().await.unwrap().completed, 6);
}

#[tokio::test]
async fn a_paused_queue_ends_at_once() {
    let (queue, _clock) = manual().await;
    enqueue(&queue, TestJob::Plain(1)).await;
    queue.pause().await.unwrap();
    assert_eq!(complete(&queue).await.total(), 0);
    queue.resume().await.unwrap();
    assert_eq!(complete(&queue).await.completed, 1);
}

#[tokio::test]
async fn a_rate_limit_is_waited_for() {
    let queue = real().await;
    for n in 0..4 {
        enqueue(&queue, TestJob::Plain(n)).await;
    }
    let handler = handler_fn(|_: TestJob, _| async { Outcome::Completed(None) });
    let worker = Worker::with_handler(queue, handler).rate_limit(2, Duration::from_millis(40));
    let began = std::time::Instant::now();
    assert_eq!(worker.run_until_empty().await.unwrap().completed, 4);
    assert!(began.elapsed() >= Duration::from_millis(35));
}

#[tokio::test]
async fn kinds_of_a_newer_program_are_parked_and_adopted_by_it() {
    let (queue, _clock) = manual().await;
    let newer = enqueue(&queue, TestJob::Urgent(1)).await;
    let known = enqueue(&queue, TestJob::Plain(1)).await;
    let handler = handler_fn(|_: OldJob, _| async { Outcome::Completed(None) });
    let old = Worker::with_handler(queue.of::<OldJob>(), handler).unlimited();
    assert_eq!(old.run_until_empty().await.unwrap().completed, 1);
    assert_eq!(state(&queue, known).await, State::Completed);
    let parked = view(&queue, newer).await;
    assert_eq!((parked.state, parked.attempt), (State::Parked, 0));

    assert_eq!(complete(&queue).await.completed, 1);
    assert_eq!(state(&queue, newer).await, State::Completed);
}

#[tokio::test]
async fn a_running_worker_looks_for_adoptable_jobs_now_and_then() {
    let (queue, clock) = manual().await;
    let mut events = queue.subscribe();
    let handler = handler_fn(|_: TestJob, _| async { Outcome::Completed(None) });
    let _worker = Worker::with_handler(queue.clone(), handler)
        .unlimited()
        .spawn();
    tokio::task::yield_now().await;
    queue.pause().await.unwrap();
    enqueue(&queue, TestJob::Urgent(1)).await;
    let old = handler_fn(|_: OldJob, _| async { Outcome::Completed(None) });
    queue.resume().await.unwrap();
    let _old = Worker::with_handler(queue.of::<OldJob>(), old)
        .unlimited()
        .spawn();
    // Whichever of the two finds it first, it is completed in the end.
    let completed = heard(&mut events, queue::backend::EventKind::Completed);
    tokio::pin!(completed);
    loop {
        tokio::select! {
            () = &mut completed => break,
            () = tokio::time::sleep(Duration::from_millis(5)) => {
                clock.advance(Duration::from_secs(10));
            }
        }
    }
}
