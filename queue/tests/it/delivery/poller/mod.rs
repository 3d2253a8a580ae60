//! The poller: when it asks, what it makes of answers, and what a restart leaves of it.

mod over_http;
mod schedule;
mod sharing;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use queue::backend::BackendErrorKind;
use queue::clock::{Clock, ManualClock, Timestamp};
use queue::delivery::{
    Deliveries, DeliveryPoller, DeliveryReport, DeliveryStatus, PollReport, PollSchedule,
    PollerHandle, ReportSource,
};
use queue::provider::ProviderError;
use queue::testing::TestQueue;
use queue::{BoxFuture, JobId, SmsJob};
use tokio::sync::Mutex;

use super::support::{HOUR, changed, eventually, receipt, report, status};
use DeliveryStatus::{Accepted, Delivered, Failed, Sent, Unknown};

const SECOND: Duration = Duration::from_secs(1);

/// A provider that is asked, and answers as a test says; `Sent` when it says nothing.
struct Scripted {
    clock: ManualClock,
    answers: Mutex<VecDeque<Result<DeliveryStatus, ProviderError>>>,
    asked: Mutex<Vec<(String, Timestamp)>>,
    hang: bool,
}

impl Scripted {
    fn new(clock: &ManualClock) -> Arc<Self> {
        Self::build(clock, false)
    }

    /// One that never answers.
    fn hanging(clock: &ManualClock) -> Arc<Self> {
        Self::build(clock, true)
    }

    fn build(clock: &ManualClock, hang: bool) -> Arc<Self> {
        Arc::new(Self {
            clock: clock.clone(),
            answers: Mutex::default(),
            asked: Mutex::default(),
            hang,
        })
    }

    async fn then(&self, answer: Result<DeliveryStatus, ProviderError>) {
        self.answers.lock().await.push_back(answer);
    }

    async fn count(&self) -> usize {
        self.asked.lock().await.len()
    }

    /// How long after `start` it was asked, each time.
    async fn waits(&self, start: Timestamp) -> Vec<u64> {
        let asked = self.asked.lock().await;
        asked
            .iter()
            .map(|(_, at)| at.since(start).as_secs())
            .collect()
    }
}

impl ReportSource for Scripted {
    fn provider(&self) -> &str {
        "p"
    }

    fn report<'a>(
        &'a self,
        message_id: &'a str,
    ) -> BoxFuture<'a, Result<DeliveryReport, ProviderError>> {
        Box::pin(async move {
            let asked = (message_id.to_owned(), self.clock.now());
            self.asked.lock().await.push(asked);
            if self.hang {
                std::future::pending::<()>().await;
            }
            let answer = self.answers.lock().await.pop_front().unwrap_or(Ok(Sent));
            // Whatever it says that it is about, it is about what was asked.
            answer.map(|status| DeliveryReport::new("somebody", "else", status))
        })
    }
}

/// A clock that says when whoever waits on it waits for a later moment.
#[derive(Clone)]
struct Watched {
    inner: ManualClock,
    sleeps: Arc<std::sync::Mutex<BTreeMap<u64, u64>>>,
    last: Arc<AtomicU64>,
}

impl Watched {
    /// Waits until somebody sleeps, and nobody's time has come: all that was due is done.
    async fn idle(&self) {
        eventually("an idle poller", || async {
            let sleeps = self.sleeps.lock().unwrap();
            !sleeps.is_empty() && sleeps.values().all(|until| *until > self.inner.uptime())
        })
        .await;
    }
}

impl Clock for Watched {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn uptime(&self) -> u64 {
        self.inner.uptime()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        let until = self.uptime() + u64::try_from(duration.as_millis()).unwrap();
        let sleep = self.inner.sleep(duration);
        self.sleeps.lock().unwrap().insert(id, until);
        let forget = Forget(self.clone(), id);
        Box::pin(async move {
            let _forget = forget;
            sleep.await;
        })
    }
}

struct Forget(Watched, u64);

impl Drop for Forget {
    fn drop(&mut self) {
        self.0.sleeps.lock().unwrap().remove(&self.1);
    }
}

/// A store, and the deliveries of one process in it, with the default schedule.
struct Process {
    queue: Arc<TestQueue<SmsJob>>,
    clock: Watched,
    deliveries: Deliveries,
    start: Timestamp,
}

impl Process {
    async fn new() -> Self {
        Self::beside(Arc::new(TestQueue::new().await))
    }

    /// Another process with the same store.
    fn beside(queue: Arc<TestQueue<SmsJob>>) -> Self {
        let clock = Watched {
            inner: queue.clock().clone(),
            sleeps: Arc::default(),
            last: Arc::default(),
        };
        let deliveries = Deliveries::over(queue.records(), Arc::new(clock.clone()))
            .poll("p", PollSchedule::default())
            .build();
        Self {
            start: clock.now(),
            queue,
            clock,
            deliveries,
        }
    }

    async fn accept(&self, id: &str) -> JobId {
        let job = JobId::new();
        let accepted = self.deliveries.accepted(job, 1, &receipt(id), None).await;
        accepted.unwrap();
        job
    }

    fn spawn(&self, source: &Arc<Scripted>) -> PollerHandle {
        DeliveryPoller::builder(self.deliveries.clone(), source.clone()).spawn()
    }

    /// Moves the clock in steps, and lets the poller do what is due at each.
    async fn pass(&self, time: Duration, step: Duration) {
        self.clock.idle().await;
        let mut left = time;
        while !left.is_zero() {
            let step = step.min(left);
            self.queue.advance(step);
            left -= step;
            self.clock.idle().await;
        }
    }
}

/// A process, and one message that was accepted now.
async fn one_message() -> (Process, JobId) {
    let process = Process::new().await;
    let job = process.accept("1").await;
    (process, job)
}

fn counts(handle: &PollerHandle) -> [u64; 4] {
    let PollReport {
        answered,
        failed,
        settled,
        given_up,
        ..
    } = handle.report();
    [answered, failed, settled, given_up]
}
