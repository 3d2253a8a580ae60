//! Outcomes, panics, timeouts, retries and deadlines.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use queue::State;
use queue::Worker;
use queue::backend::EventKind;
use queue::retry::Backoff;
use queue::worker::{Outcome, RunReport, handler_fn};

use super::support::*;

const STEADY: Backoff = Backoff {
    base: Duration::from_secs(2),
    cap: Duration::from_secs(3600),
    jitter: 0.0,
};

fn retry() -> Outcome {
    Outcome::Retry {
        after: None,
        reason: "not now".into(),
    }
}

fn unknown() -> Outcome {
    Outcome::Unknown {
        reason: "who knows".into(),
    }
}

async fn run_once(
    queue: &queue::Queue<TestJob>,
    outcome: impl Fn(&TestJob) -> Outcome + Send + Sync + 'static,
) -> RunReport {
    let handler = handler_fn(move |job: TestJob, _| {
        let outcome = outcome(&job);
        async move { outcome }
    });
    let worker = Worker::with_handler(queue.clone(), handler)
        .unlimited()
        .backoff(STEADY);
    worker.run_until_empty().await.unwrap()
}

#[tokio::test]
async fn a_panic_costs_its_own_job_and_no_other() {
    let (queue, _clock) = manual().await;
    let ids = [
        enqueue(&queue, TestJob::Plain(1)).await,
        enqueue(&queue, TestJob::Plain(2)).await,
        enqueue(&queue, TestJob::Once(1)).await,
    ];
    let report = run_once(&queue, |job| match job.number() {
        1 => panic!("a handler that panics"),
        _ => Outcome::Completed(None),
    })
    .await;
    assert_eq!(
        (report.completed, report.retried, report.unknown),
        (1, 1, 1)
    );
    assert_eq!(report.total(), 3);
    assert_eq!(state(&queue, ids[0]).await, State::Retrying);
    assert_eq!(state(&queue, ids[1]).await, State::Completed);
    let stopped = view(&queue, ids[2]).await;
    assert_eq!(stopped.state, State::Unknown);
    assert!(stopped.reason.unwrap().contains("the handler panicked"));
}

#[tokio::test]
async fn a_decoder_that_panics_parks_its_job() {
    let (queue, _clock) = manual().await;
    let cursed = enqueue(&queue, TestJob::Cursed(1)).await;
    let plain = enqueue(&queue, TestJob::Plain(1)).await;
    let report = run_once(&queue, |_| Outcome::Completed(None)).await;
    assert_eq!((report.completed, report.parked), (1, 1));
    assert_eq!(state(&queue, plain).await, State::Completed);
    let parked = view(&queue, cursed).await;
    assert_eq!((parked.state, parked.attempt), (State::Parked, 0));
}

#[tokio::test]
async fn retries_come_after_their_delays_until_the_attempts_are_used_up() {
    let (queue, clock) = manual().await;
    let id = enqueue(&queue, TestJob::Plain(1)).await;
    assert_eq!(run_once(&queue, |_| retry()).await.retried, 1);
    for (delay, last) in [(2_000, false), (4_000, true)] {
        assert_eq!(state(&queue, id).await, State::Retrying);
        clock.advance(Duration::from_millis(delay - 1));
        assert_eq!(run_once(&queue, |_| retry()).await.total(), 0);
        clock.advance(Duration::from_millis(1));
        let report = run_once(&queue, |_| retry()).await;
        assert_eq!((report.dead == 1, report.total()), (last, 1));
    }
    let dead = view(&queue, id).await;
    assert_eq!((dead.state, dead.attempt), (State::Dead, 3));
    assert_eq!(dead.reason.as_deref(), Some("not now"));
}

#[tokio::test]
async fn a_snooze_charges_no_attempt() {
    let (queue, clock) = manual().await;
    let id = enqueue(&queue, TestJob::Plain(1)).await;
    for _ in 0..5 {
        let report = run_once(&queue, |_| Outcome::Snooze {
            after: Duration::from_secs(10),
            reason: "throttled".into(),
        })
        .await;
        assert_eq!(report.snoozed, 1);
        let snoozed = view(&queue, id).await;
        assert_eq!((snoozed.state, snoozed.attempt), (State::Snoozed, 0));
        assert_eq!(run_once(&queue, |_| retry()).await.total(), 0);
        clock.advance(Duration::from_secs(12));
    }
    assert_eq!(
        run_once(&queue, |_| Outcome::Completed(None))
            .await
            .completed,
        1
    );
}

#[tokio::test]
async fn a_retry_past_the_deadline_expires_now() {
    let (queue, _clock) = manual().await;
    let id = enqueue(&queue, TestJob::Brief(1)).await;
    let long = Duration::from_secs(60);
    let report = run_once(&queue, move |_| Outcome::Retry {
        after: Some(long),
        reason: "busy".into(),
    })
    .await;
    assert_eq!(report.expired, 1);
    assert_eq!(state(&queue, id).await, State::Expired);
}

#[tokio::test]
async fn what_may_have_been_sent_and_has_no_time_left_is_unknown_and_not_expired() {
    let (queue, clock) = manual().await;
    let id = enqueue(&queue, TestJob::Brief(1)).await;
    clock.advance(BRIEF - Duration::from_secs(1));
    assert_eq!(run_once(&queue, |_| unknown()).await.unknown, 1);
    assert_eq!(state(&queue, id).await, State::Unknown);
}

#[tokio::test]
async fn an_unknown_outcome_follows_the_policy_of_its_kind() {
    let (queue, _clock) = manual().await;
    let plain = enqueue(&queue, TestJob::Plain(1)).await;
    let once = enqueue(&queue, TestJob::Once(1)).await;
    let report = run_once(&queue, |_| unknown()).await;
    assert_eq!((report.retried, report.unknown), (1, 1));
    assert_eq!(state(&queue, plain).await, State::Retrying);
    assert_eq!(state(&queue, once).await, State::Unknown);
}

#[tokio::test]
async fn an_attempt_over_its_time_is_cancelled_and_unknown() {
    let (queue, clock) = manual().await;
    let mut events = queue.subscribe();
    let id = enqueue(&queue, TestJob::Plain(7)).await;
    let (handler, probe, mut began) = hanging();
    let worker = Worker::with_handler(queue.clone(), handler)
        .unlimited()
        .spawn();
    assert_eq!(begun(&mut began).await, 7);
    clock.advance(Duration::from_secs(10));
    heard(&mut events, EventKind::Retried).await;
    assert_eq!(probe.dropped.load(Ordering::SeqCst), 1);
    let reason = view(&queue, id).await.reason.unwrap();
    assert!(reason.contains("no outcome within 10s"), "{reason}");
    let report = worker.shutdown(Duration::ZERO).await.unwrap();
    assert_eq!((report.run.retried, report.cut_off), (1, 0));
}

#[tokio::test]
async fn an_attempt_gets_no_more_time_than_its_deadline_leaves() {
    let (queue, clock) = manual().await;
    let mut events = queue.subscribe();
    enqueue(&queue, TestJob::Brief(1)).await;
    clock.advance(Duration::from_secs(1));
    let (probe, mut began) = Probe::new();
    let handler = handler_fn(move |job, context: queue::worker::JobContext| {
        let hang = probe.clone();
        async move {
            assert_eq!(context.timeout, Duration::from_secs(2));
            hang.hang(job).await
        }
    });
    let _worker = Worker::with_handler(queue.clone(), handler)
        .unlimited()
        .spawn();
    begun(&mut began).await;
    clock.advance(Duration::from_secs(2));
    heard(&mut events, EventKind::Unknown).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_handler_that_blocks_its_thread_is_given_up_and_others_go_on() {
    let queue = real().await;
    let mut events = queue.subscribe();
    enqueue(&queue, TestJob::Once(1)).await;
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(Some(released));
    let handler = handler_fn(move |job: TestJob, _| {
        let blocker = (job.number() == 1)
            .then(|| released.lock().unwrap().take())
            .flatten();
        async move {
            if let Some(blocker) = blocker {
                let _ = blocker.recv_timeout(PATIENCE);
            }
            Outcome::Completed(None)
        }
    });
    let worker = Worker::with_handler(queue.clone(), handler)
        .unlimited()
        .concurrency(1)
        .send_timeout(Duration::from_millis(20))
        .spawn();
    heard(&mut events, EventKind::Unknown).await;
    enqueue(&queue, TestJob::Plain(2)).await;
    heard(&mut events, EventKind::Completed).await;
    release.send(()).unwrap();
    let report = worker.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!((report.run.unknown, report.run.completed), (1, 1));
}

#[tokio::test]
async fn attempts_are_numbered_from_one() {
    let (queue, clock) = manual().await;
    enqueue(&queue, TestJob::Plain(1)).await;
    let seen = Arc::new(AtomicU16::new(0));
    for attempt in 1..=3 {
        let seen_by_handler = seen.clone();
        let handler = handler_fn(move |_: TestJob, context: queue::worker::JobContext| {
            seen_by_handler.store(context.attempt, Ordering::SeqCst);
            assert_eq!(context.max_attempts, 3);
            async { retry() }
        });
        let worker = Worker::with_handler(queue.clone(), handler).unlimited();
        worker.run_until_empty().await.unwrap();
        assert_eq!(seen.load(Ordering::SeqCst), attempt);
        clock.advance(Duration::from_secs(60));
    }
}

#[tokio::test]
async fn dropping_the_run_leaves_what_runs_to_the_background() {
    let queue = real().await;
    let mut events = queue.subscribe();
    enqueue(&queue, TestJob::Plain(1)).await;
    let (probe, mut began) = Probe::new();
    let handler = handler_fn(move |job: TestJob, _| {
        probe.began(&job);
        async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            Outcome::Completed(None)
        }
    });
    let worker = Worker::with_handler(queue.clone(), handler).run_until(pending());
    tokio::select! {
        _ = worker => panic!("nothing cancelled it"),
        _ = begun(&mut began) => {}
    }
    heard(&mut events, EventKind::Completed).await;
}
