//! Stopping: nothing lost, nothing doubled, no attempt charged, in time.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use queue::backend::{EventKind, ListFilter};
use queue::worker::{Outcome, SHUTDOWN_SLACK, handler_fn};
use queue::{Job, State, Worker};

use super::support::*;

#[tokio::test]
async fn an_idle_worker_stops_at_once() {
    let (queue, _clock) = manual().await;
    let worker = Worker::with_handler(queue.clone(), completing()).spawn();
    tokio::task::yield_now().await;
    let report = worker.shutdown(Duration::from_secs(20)).await.unwrap();
    assert_eq!(report, queue::worker::ShutdownReport::default());
    let id = enqueue(&queue, TestJob::Plain(1)).await;
    assert_eq!(view(&queue, id).await.attempt, 0);
    assert!(worker.is_finished());
}

#[tokio::test]
async fn running_jobs_finish_within_the_grace_period() {
    let (queue, _clock) = manual().await;
    let id = enqueue(&queue, TestJob::Plain(1)).await;
    let (handler, finish, mut began) = gated();
    let worker = Worker::with_handler(queue.clone(), handler).spawn();
    begun(&mut began).await;
    worker.stop();
    let late = enqueue(&queue, TestJob::Plain(2)).await;
    let both = async {
        tokio::join!(
            worker.shutdown(Duration::from_secs(5)),
            worker.shutdown(Duration::from_secs(9)),
            async { finish.send_replace(true) },
        )
    };
    let (first, second, _) = both.await;
    assert_eq!(first.unwrap().run.completed, 1);
    assert_eq!(second.unwrap().cut_off, 0);
    assert_eq!(state(&queue, id).await, State::Completed);
    let late = view(&queue, late).await;
    assert_eq!((late.state, late.attempt), (State::Ready, 0));
}

#[tokio::test]
async fn a_hung_handler_is_cut_off_in_time_and_its_policy_decides() {
    for (job, expected) in [
        (TestJob::Plain(1), State::Retrying),
        (TestJob::Once(1), State::Unknown),
    ] {
        let queue = real().await;
        let id = enqueue(&queue, job).await;
        let (handler, _, mut began) = hanging();
        let worker = Worker::with_handler(queue.clone(), handler).spawn();
        begun(&mut began).await;
        let asked = Instant::now();
        let grace = Duration::from_millis(50);
        let report = worker.shutdown(grace).await.unwrap();
        assert!(
            asked.elapsed() <= grace + SHUTDOWN_SLACK,
            "{:?}",
            asked.elapsed()
        );
        assert_eq!((report.cut_off, report.run.total()), (1, 1));
        assert_eq!(state(&queue, id).await, expected);
    }
}

#[tokio::test]
async fn a_hung_store_does_not_hold_up_a_shutdown() {
    let (queue, backend, clock) = faulty().await;
    enqueue(&queue, TestJob::Plain(1)).await;
    backend.settle_hangs.store(true, Ordering::SeqCst);
    let (probe, mut began) = Probe::new();
    let handler = handler_fn(move |job: TestJob, _| {
        probe.began(&job);
        async { Outcome::Completed(None) }
    });
    let worker = Worker::with_handler(queue.clone(), handler).spawn();
    begun(&mut began).await;
    let shutdown = worker.shutdown(Duration::from_secs(1));
    tokio::pin!(shutdown);
    let mut moved = Duration::ZERO;
    let report = loop {
        tokio::select! {
            report = &mut shutdown => break report.unwrap(),
            () = tokio::time::sleep(Duration::from_millis(5)) => {
                clock.advance(Duration::from_millis(10));
                moved += Duration::from_millis(10);
            }
        }
    };
    assert!(
        moved <= Duration::from_secs(1) + SHUTDOWN_SLACK,
        "{moved:?}"
    );
    assert_eq!((report.run.unrecorded, report.run.total()), (1, 1));
}

#[tokio::test]
async fn a_dropped_handle_stops_leasing_and_finishes_in_the_background() {
    let (queue, _clock) = manual().await;
    let mut events = queue.subscribe();
    enqueue(&queue, TestJob::Plain(1)).await;
    let (handler, finish, mut began) = gated();
    drop({
        let worker = Worker::with_handler(queue.clone(), handler).spawn();
        begun(&mut began).await;
        worker
    });
    let late = enqueue(&queue, TestJob::Plain(2)).await;
    finish.send_replace(true);
    heard(&mut events, EventKind::Completed).await;
    assert_eq!(state(&queue, late).await, State::Ready);
}

#[tokio::test]
async fn run_until_ends_with_its_signal() {
    let queue = real().await;
    let mut events = queue.subscribe();
    enqueue(&queue, TestJob::Plain(1)).await;
    let worker = Worker::with_handler(queue.clone(), completing());
    let signal = async { heard(&mut events, EventKind::Completed).await };
    assert_eq!(worker.run_until(signal).await.unwrap().run.completed, 1);
}

/// Workers are stopped at random moments under load; each job runs once, and only jobs that ran are charged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_under_load_lose_nothing_double_nothing_and_charge_nothing() {
    const JOBS: u32 = 300;
    let mut random = fastrand::Rng::with_seed(11);
    let queue = real().await;
    let jobs = (0..JOBS).map(|n| queue.enqueue(TestJob::Plain(n)));
    for receipt in queue.enqueue_many(jobs).await {
        receipt.unwrap();
    }
    let ran: Arc<Mutex<HashMap<u32, u32>>> = Arc::default();
    let mut stops = 0;
    while queue.stats().await.unwrap().pending() > 0 {
        let seen = ran.clone();
        let handler = handler_fn(move |job: TestJob, context: queue::worker::JobContext| {
            *seen.lock().unwrap().entry(job.number()).or_default() += 1;
            assert_eq!(context.attempt, 1);
            async {
                tokio::task::yield_now().await;
                Outcome::Completed(None)
            }
        });
        let worker = Worker::with_handler(queue.clone(), handler)
            .unlimited()
            .concurrency(8)
            .spawn();
        tokio::time::sleep(Duration::from_micros(random.u64(0..2_000))).await;
        let report = worker.shutdown(PATIENCE).await.unwrap();
        stops += 1;
        assert_eq!(
            report.run.total(),
            report.run.completed + report.run.released
        );
        let page = queue.list(ListFilter {
            limit: 1000,
            ..ListFilter::new(TestJob::QUEUE)
        });
        for job in page.await.unwrap().jobs {
            let settled = match job.state {
                State::Completed => job.attempt == 1,
                State::Ready => job.attempt == 0,
                _ => false,
            };
            assert!(settled, "{} after {} attempts", job.state, job.attempt);
        }
    }
    let ran = ran.lock().unwrap();
    assert_eq!(ran.len(), JOBS as usize, "after {stops} stops");
    assert!(ran.values().all(|&times| times == 1));
}
