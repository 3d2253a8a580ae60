//! Hooks: their order, their pairs, their panics.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use queue::Worker;
use queue::worker::{Hook, JobContext, Outcome, handler_fn};

use super::support::*;

type Log = Arc<Mutex<Vec<String>>>;

struct Named(&'static str, Log);

impl Hook for Named {
    fn before(&self, context: &JobContext) {
        self.1
            .lock()
            .unwrap()
            .push(format!("{} before {}", self.0, context.kind.name));
    }

    fn after(&self, _: &JobContext, outcome: &Outcome) {
        self.1
            .lock()
            .unwrap()
            .push(format!("{} after {}", self.0, outcome.as_str()));
    }
}

struct Panics;

impl Hook for Panics {
    fn before(&self, _: &JobContext) {
        panic!("a hook that panics before");
    }

    fn after(&self, _: &JobContext, _: &Outcome) {
        panic!("a hook that panics after");
    }
}

async fn logged(
    job: TestJob,
    outcome: impl Fn() -> Outcome + Send + Sync + 'static,
) -> Vec<String> {
    let (queue, _clock) = manual().await;
    enqueue(&queue, job).await;
    let log = Log::default();
    let handler = handler_fn(move |_: TestJob, _| {
        let outcome = outcome();
        async { outcome }
    });
    let worker = Worker::with_handler(queue, handler)
        .hook(Named("first", log.clone()))
        .hook(Panics)
        .hook(Named("second", log.clone()));
    worker.run_until_empty().await.unwrap();
    log.lock().unwrap().clone()
}

#[tokio::test]
async fn hooks_run_in_order_around_the_handler_and_survive_each_other() {
    let log = logged(TestJob::Plain(1), || Outcome::Completed(None)).await;
    let expected = [
        "first before plain",
        "second before plain",
        "first after completed",
        "second after completed",
    ];
    assert_eq!(log, expected);
}

#[tokio::test]
async fn an_attempt_that_panics_has_both_hooks() {
    let log = logged(TestJob::Plain(1), || panic!("a handler that panics")).await;
    assert_eq!(log[2..], ["first after unknown", "second after unknown"]);
}

#[tokio::test]
async fn an_attempt_that_never_began_has_neither_hook() {
    assert!(
        logged(TestJob::Cursed(1), || Outcome::Completed(None))
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn an_attempt_over_its_time_has_both_hooks() {
    let (queue, clock) = manual().await;
    enqueue(&queue, TestJob::Once(1)).await;
    let log = Log::default();
    let (handler, _, mut began) = hanging();
    let worker = Worker::with_handler(queue, handler)
        .hook(Named("a", log.clone()))
        .spawn();
    begun(&mut began).await;
    clock.advance(Duration::from_secs(10));
    eventually("the second hook", || log.lock().unwrap().len() == 2).await;
    assert_eq!(*log.lock().unwrap(), ["a before once", "a after unknown"]);
    drop(worker);
}
