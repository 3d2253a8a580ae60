//! How many jobs run at once, and of which priorities.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use queue::Worker;
use queue::worker::{Outcome, handler_fn};

use super::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_jobs_run_than_the_concurrency_allows() {
    let queue = real().await;
    for n in 0..60 {
        enqueue(&queue, TestJob::Plain(n)).await;
    }
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    let handler = handler_fn(move |_: TestJob, _| {
        let (running, most) = (running.clone(), most.clone());
        async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            running.fetch_sub(1, Ordering::SeqCst);
            Outcome::Completed(None)
        }
    });
    let worker = Worker::with_handler(queue.clone(), handler)
        .unlimited()
        .concurrency(3);
    assert_eq!(worker.run_until_empty().await.unwrap().completed, 60);
    assert!((1..=3).contains(&seen.load(Ordering::SeqCst)));
}

#[tokio::test]
async fn urgent_jobs_start_beside_hanging_bulk() {
    let (queue, _clock) = manual().await;
    for n in 0..30 {
        enqueue(&queue, TestJob::Bulk(n)).await;
    }
    let (handler, _, mut began) = hanging();
    let worker = Worker::with_handler(queue.clone(), handler)
        .unlimited()
        .concurrency(10)
        .spawn();
    for _ in 0..8 {
        assert!(begun(&mut began).await < 30);
    }
    enqueue(&queue, TestJob::Plain(100)).await;
    enqueue(&queue, TestJob::Plain(101)).await;
    assert_eq!(begun(&mut began).await, 100);
    enqueue(&queue, TestJob::Urgent(200)).await;
    assert_eq!(begun(&mut began).await, 200);
    let stats = queue.stats().await.unwrap();
    assert_eq!((stats.running, stats.ready), (10, 23));
    drop(worker);
}

#[tokio::test]
async fn capacity_that_becomes_free_is_used_for_the_lane_that_waited() {
    let (queue, _clock) = manual().await;
    let (handler, open, mut began) = gated();
    let worker = Worker::with_handler(queue.clone(), handler)
        .unlimited()
        .concurrency(4)
        .spawn();
    for n in 0..5 {
        enqueue(&queue, TestJob::Bulk(n)).await;
    }
    // Two of four are for low jobs; the rest waits behind a question that leaves them out.
    begun(&mut began).await;
    begun(&mut began).await;
    tokio::task::yield_now().await;
    assert!(began.try_recv().is_err());
    open.send_replace(true);
    for _ in 0..3 {
        begun(&mut began).await;
    }
    assert!(!worker.is_finished());
}
