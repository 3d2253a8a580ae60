//! A worker asks its handler for capacity before it leases, and leases no more.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use queue::clock::{Clock, Timestamp};
use queue::provider::Capacity;
use queue::worker::{Handler, JobContext, Outcome};
use queue::{BoxFuture, Priority, State, Worker};

use super::support::*;

/// A handler with the capacity that the test says, by priority.
#[derive(Clone)]
struct Limited {
    capacity: Arc<Mutex<[Capacity; 4]>>,
    probe: Probe,
}

impl Limited {
    fn set(&self, capacity: [Capacity; 4]) {
        *self.capacity.lock().unwrap() = capacity;
    }
}

impl Handler<TestJob> for Limited {
    fn handle<'a>(&'a self, job: &'a TestJob, _: &'a JobContext) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            self.probe.began(job);
            Outcome::Completed(None)
        })
    }

    fn capacity(&self, priority: Priority, _: Timestamp) -> Capacity {
        self.capacity.lock().unwrap()[priority.index()]
    }
}

#[tokio::test]
async fn nothing_is_leased_while_the_provider_is_closed_and_all_at_its_moment() {
    let (queue, clock) = manual().await;
    let opens = clock.now().saturating_add(Duration::from_secs(60));
    let (probe, mut began) = Probe::new();
    let handler = Limited {
        capacity: Arc::new(Mutex::new([Capacity::ClosedUntil(opens); 4])),
        probe,
    };
    let job = enqueue(&queue, TestJob::Plain(1)).await;
    let worker = Worker::with_handler(queue.clone(), handler.clone())
        .unlimited()
        .spawn();
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_secs(59));
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    let view = queue.job(job).await.unwrap().unwrap();
    assert_eq!((view.state, view.attempt), (State::Ready, 0));
    handler.set([Capacity::Open; 4]);
    clock.advance(Duration::from_secs(1));
    assert_eq!(begun(&mut began).await, 1);
    drop(worker);
}

#[tokio::test]
async fn urgent_jobs_start_while_the_others_lanes_are_closed() {
    let (queue, clock) = manual().await;
    let opens = Capacity::ClosedUntil(clock.now().saturating_add(Duration::from_secs(60)));
    let (probe, mut began) = Probe::new();
    let handler = Limited {
        capacity: Arc::new(Mutex::new([Capacity::Open, Capacity::Open, opens, opens])),
        probe,
    };
    let worker = Worker::with_handler(queue.clone(), handler.clone())
        .unlimited()
        .spawn();
    enqueue(&queue, TestJob::Bulk(1)).await;
    enqueue(&queue, TestJob::Plain(2)).await;
    enqueue(&queue, TestJob::Urgent(3)).await;
    assert_eq!(begun(&mut began).await, 3);
    assert_eq!(queue.stats().await.unwrap().ready, 2);
    handler.set([Capacity::Open; 4]);
    clock.advance(Duration::from_secs(60));
    let mut rest = [begun(&mut began).await, begun(&mut began).await];
    rest.sort_unstable();
    assert_eq!(rest, [1, 2]);
    drop(worker);
}

#[tokio::test]
async fn a_run_until_empty_ends_although_its_provider_is_closed_for_long() {
    let (queue, clock) = manual().await;
    let opens = clock.now().saturating_add(Duration::from_secs(60));
    let (probe, _began) = Probe::new();
    let handler = Limited {
        capacity: Arc::new(Mutex::new([Capacity::ClosedUntil(opens); 4])),
        probe,
    };
    enqueue(&queue, TestJob::Plain(1)).await;
    let worker = Worker::with_handler(queue.clone(), handler).unlimited();
    assert_eq!(worker.run_until_empty().await.unwrap().completed, 1);
}
