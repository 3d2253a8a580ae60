//! Queues on a server, handlers that keep a ledger, and words for waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use queue::backend::{Health, HealthWatch, JetStreamBackend, JetStreamOptions};
use queue::worker::{Outcome, WorkerHandle, handler_fn};
use queue::{NotificationSms, Queue, SmsJob, Worker, create_notification_sms_job};

/// How long anything may take that has to happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A server's queue `sms`, with short leases.
pub(super) async fn open(url: String) -> (Queue<SmsJob>, HealthWatch) {
    let options = JetStreamOptions::at(url)
        .ping_interval(Duration::from_millis(500))
        .ack_wait(Duration::from_secs(2));
    open_with(options).await
}

pub(super) async fn open_with(options: JetStreamOptions) -> (Queue<SmsJob>, HealthWatch) {
    let backend = JetStreamBackend::open(options).await.unwrap();
    backend.prepare("sms").await.unwrap();
    let health = backend.health();
    (Queue::builder().over(Arc::new(backend)), health)
}

pub(super) fn message(text: &str) -> NotificationSms {
    NotificationSms {
        recipient: "0712 345 678".parse().unwrap(),
        message: text.to_owned(),
    }
}

/// Enqueues until it is acknowledged, as an application would.
pub(super) async fn enqueue(queue: &Queue<SmsJob>, key: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        match create_notification_sms_job(queue, message(key))
            .job_id(key)
            .await
        {
            Ok(_) => return,
            Err(error) => {
                assert!(error.is_retryable(), "{error:?}");
                assert!(Instant::now() < until, "{error:?}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// How often each job ran.
#[derive(Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<BTreeMap<String, u32>>>);

impl Ledger {
    pub(super) fn jobs(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub(super) fn runs(&self) -> u32 {
        self.0.lock().unwrap().values().sum()
    }

    /// A worker that takes `time` for each job and writes it down.
    pub(super) fn worker(
        &self,
        queue: &Queue<SmsJob>,
        concurrency: usize,
        time: Duration,
    ) -> WorkerHandle {
        let ledger = self.clone();
        let handler = handler_fn(move |_: SmsJob, context: queue::worker::JobContext| {
            let ledger = ledger.clone();
            async move {
                let key = context.idempotency_key.map(|key| key.to_string());
                let key = key.unwrap_or_else(|| context.id.to_string());
                *ledger.0.lock().unwrap().entry(key).or_default() += 1;
                tokio::time::sleep(time).await;
                Outcome::Completed(None)
            }
        });
        Worker::with_handler(queue.clone(), handler)
            .concurrency(concurrency)
            .visibility(Duration::from_secs(2))
            .unlimited()
            .spawn()
    }
}

/// Waits until something holds, and says how long it took.
pub(super) async fn until(what: &str, holds: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "in time: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    start.elapsed()
}

/// Waits until the health is as it should be, and says how long it took.
pub(super) async fn until_health(
    watch: &HealthWatch,
    what: &str,
    holds: impl Fn(&Health) -> bool,
) -> Duration {
    let start = Instant::now();
    while !holds(&watch.current()) {
        let health = watch.current();
        assert!(start.elapsed() < PATIENCE, "in time: {what}: {health:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    start.elapsed()
}
