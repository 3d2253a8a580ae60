//! [`WorkerBuilder`]: the settings of a worker, and the three ways to run it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::error::WorkerError;
use super::handler::Handler;
use super::hook::{Hook, Hooks};
use super::options::{Options, WorkerOptionsError};
use super::report::RunReport;
use super::run::{Engine, Run};
use super::shutdown::{Control, ShutdownReport, WorkerHandle};
use crate::job::Job;
use crate::producer::Queue;
use crate::retry::Backoff;

/// Settings of a worker. Made by [`Worker::new`](super::Worker::new); run by [`spawn`](Self::spawn),
/// [`run_until`](Self::run_until) or [`run_until_empty`](Self::run_until_empty).
#[must_use = "no job is taken before the worker is spawned or run"]
pub struct WorkerBuilder<J: Job> {
    queue: Queue<J>,
    handler: Arc<dyn Handler<J>>,
    hooks: Vec<Arc<dyn Hook>>,
    options: Options,
}

impl<J: Job> WorkerBuilder<J> {
    pub(super) fn new(queue: Queue<J>, handler: Arc<dyn Handler<J>>) -> Self {
        Self {
            queue,
            handler,
            hooks: Vec::new(),
            options: Options::default(),
        }
    }

    /// How many jobs run at once. Default 5, 1 to 1024; others are clamped.
    ///
    /// From 4 on a tenth of it, rounded up, is reserved: normal and low jobs together leave that much free for critical
    /// and high ones, and low jobs leave as much again for normal ones. So of 5, normal jobs alone use 4.
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.options.concurrency(jobs);
        self
    }

    /// At most `count` starts in each `per`, shared by *all* workers of the queue that say the same. Default 10 per second;
    /// `count` is at least 1, `per` at least 1 ms.
    ///
    /// The budget is taken before a job is leased. After a pause up to `count` jobs start at once.
    pub fn rate_limit(mut self, count: u32, per: Duration) -> Self {
        self.options.rate_limit(count, per);
        self
    }

    /// At most `count` starts in each `per` for one recipient, shared like the [`rate_limit`](Self::rate_limit). Default: no
    /// limit; `count` is at least 1, `per` at least 1 ms.
    ///
    /// A job over it is snoozed until there is room, without an attempt being charged, and holds up no other. Counted by
    /// the [`recipient`](Job::recipient) that the job's payload names; jobs that name none are not limited.
    pub fn recipient_limit(mut self, count: u32, per: Duration) -> Self {
        self.options.recipient_limit(count, per);
        self
    }

    /// At most `count` starts in each `per` for one tenant; otherwise as [`recipient_limit`](Self::recipient_limit). Default:
    /// no limit.
    pub fn tenant_limit(mut self, count: u32, per: Duration) -> Self {
        self.options.tenant_limit(count, per);
        self
    }

    /// No rate limit for the queue; those of recipients and tenants stay.
    pub fn unlimited(mut self) -> Self {
        self.options.rate_limit = None;
        self
    }

    /// The visibility timeout: how long the job of a worker that died stays with it. Default 30 s, 100 ms to 12 h; others
    /// are clamped. A living worker extends its leases every third of it, so a job may run longer.
    pub fn visibility(mut self, visibility: Duration) -> Self {
        self.options.visibility(visibility);
        self
    }

    /// How long one attempt may take; never past the job's deadline. Default 10 s, 1 ms to 12 h; others are clamped. The
    /// outcome of an attempt that took longer is unknown.
    pub fn send_timeout(mut self, timeout: Duration) -> Self {
        self.options.send_timeout(timeout);
        self
    }

    /// The delays between attempts. Default: [`Backoff::default`], 2 s, 4 s, … up to 1 h, ±20 %.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.options.backoff = backoff;
        self
    }

    /// How long [`run_until`](Self::run_until) lets running jobs finish. Default 20 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.options.grace = grace;
        self
    }

    /// Something to do before and after every attempt; hooks run in the order in which they are added.
    pub fn hook(mut self, hook: impl Hook) -> Self {
        self.hooks.push(Arc::new(hook));
        self
    }

    /// Takes settings from the variables that are set and not empty: `QUEUE_CONCURRENCY` (1 to 1024), `QUEUE_RATE_LIMIT`
    /// (such as `10/1s`, or `unlimited`), `QUEUE_RECIPIENT_LIMIT` and `QUEUE_TENANT_LIMIT` (the same), `QUEUE_SEND_TIMEOUT_MS` and `QUEUE_VISIBILITY_MS`.
    ///
    /// # Errors
    /// [`WorkerOptionsError`] names every variable that does not hold what it should.
    pub fn from_env(mut self) -> Result<Self, WorkerOptionsError> {
        self.options.read(|name| std::env::var(name).ok())?;
        Ok(self)
    }

    /// Starts the worker on the current tokio runtime and returns the handle to it. **Keep the handle**: dropping it stops
    /// the worker from taking jobs.
    ///
    /// The worker has no runtime, no thread and no signal handler of its own: call
    /// [`WorkerHandle::shutdown`] when the program is asked to stop.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn(self) -> WorkerHandle {
        self.start(false)
    }

    /// Runs the worker until `cancelled` resolves, then shuts it down with the builder's [`grace`](Self::grace) period.
    ///
    /// # Errors
    /// [`WorkerError`]: the store failed for good, or the worker's runtime is blocked or was shut down.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    /// Dropping the future stops the worker from taking jobs; what runs goes on and is recorded in the background.
    pub async fn run_until(
        self,
        cancelled: impl Future<Output = ()>,
    ) -> Result<ShutdownReport, WorkerError> {
        let grace = self.options.grace;
        let handle = self.spawn();
        tokio::select! {
            () = cancelled => {}
            // It only ends by itself when the store failed for good; `shutdown` then says so.
            _ = handle.finished() => {}
        }
        handle.shutdown(grace).await
    }

    /// Runs until no job of the queue is ready or running, with any worker, and says what became of the jobs that *this*
    /// one ran. Returns at once when the queue is paused and nothing runs.
    ///
    /// Jobs that wait for a later moment (scheduled, retrying, snoozed) are left. With a rate limit and a
    /// [`ManualClock`](crate::clock::ManualClock) the budget fills only when the clock is moved: use
    /// [`unlimited`](Self::unlimited) there.
    ///
    /// # Errors
    /// [`WorkerError`]: the store failed for good, or the runtime was shut down.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    /// Dropping the future stops the worker from taking jobs; what runs goes on and is recorded in the background.
    pub async fn run_until_empty(self) -> Result<RunReport, WorkerError> {
        self.start(true).finished().await
    }

    fn start(self, until_empty: bool) -> WorkerHandle {
        let clock = self.queue.clock().clone();
        let engine = Engine {
            backend: self.queue.backend().clone(),
            clock: clock.clone(),
            handler: self.handler,
            hooks: Hooks::new(self.hooks),
            options: self.options,
        };
        let control = Control::new();
        let run = Run::new(engine, control.subscribe(), until_empty);
        let (report, finished) = tokio::sync::watch::channel(None);
        tokio::spawn(async move {
            let end = run.run().await;
            report.send_replace(Some(end));
        });
        WorkerHandle::new(control, finished, clock)
    }
}

impl<J: Job> std::fmt::Debug for WorkerBuilder<J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerBuilder")
            .field("queue", &J::QUEUE)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
