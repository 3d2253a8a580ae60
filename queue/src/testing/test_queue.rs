//! [`TestQueue`]: a queue for tests.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::drain::run_due;
use super::inline::Inline;
use super::recorder::{EnqueuedJob, Recorder};
use crate::backend::{Backend, ListFilter, SqliteBackend, SqliteOptions};
use crate::clock::{Clock, ManualClock, Timestamp};
use crate::job::{Job, Kind, State};
use crate::notification::Notifier;
use crate::producer::Queue;
use crate::provider::Provider;
use crate::worker::{Handler, RunReport};

/// How often [`TestQueue::drain`] lets a job be put off, on average. Attempts have a bound of their own, snoozes have not.
const SNOOZES_PER_JOB_MAX: u64 = 100;

/// A queue in memory that remembers what was enqueued, and whose time stands still until the test moves it.
///
/// It dereferences to [`Queue`], so creators, handlers and everything else of the application take it as one.
///
/// # Examples
/// Asserting on what was enqueued; nothing runs:
/// ```
/// use queue::testing::{TestQueue, assert_enqueued, refute_enqueued};
/// use queue::{OtpSms, Queue, SmsJob, create_otp_sms_job};
///
/// // Somewhere in the application.
/// async fn log_in(queue: &Queue<SmsJob>) -> Result<(), Box<dyn std::error::Error>> {
///     let (recipient, code) = ("0712 345 678".parse()?, "482913".parse()?);
///     create_otp_sms_job(queue, OtpSms { recipient, code, expiry_minutes: 10 }).await?;
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let queue = TestQueue::<SmsJob>::new().await;
/// log_in(&queue).await?;
/// assert_enqueued!(queue, SmsJob::Otp(otp) if otp.expiry_minutes == 10);
/// refute_enqueued!(queue, SmsJob::Welcome(_));
/// # Ok(())
/// # }
/// ```
/// Running jobs when the test says so, with moved time:
/// ```
/// # use std::time::Duration;
/// # use queue::testing::TestQueue;
/// # use queue::{NotificationSms, SmsJob, create_notification_sms_job};
/// use queue::provider::{Mock, MockAnswer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let queue = TestQueue::<SmsJob>::new().await;
/// let recipient = "0712 345 678".parse()?;
/// let reminder = NotificationSms { recipient, message: "Your visit is tomorrow".into() };
/// create_notification_sms_job(&queue, reminder).delay(Duration::from_secs(3600)).await?;
///
/// let mock = Mock::new().then(MockAnswer::transient());
/// assert_eq!(queue.run_due(&mock).await.total(), 0);
/// queue.advance(Duration::from_secs(3600));
/// assert_eq!(queue.run_due(&mock).await.retried, 1);
/// // Moves the clock to the second attempt, seconds later.
/// assert_eq!(queue.drain(&mock).await.completed, 1);
/// assert_eq!(mock.assert_sent_to(&recipient).text.as_str(), "Your visit is tomorrow");
/// # Ok(())
/// # }
/// ```
pub struct TestQueue<J: Job> {
    queue: Queue<J>,
    clock: ManualClock,
    recorder: Arc<Recorder>,
    reports: Reports,
}

impl<J: Job> TestQueue<J> {
    /// A queue in memory whose clock stands at [`ManualClock::default`]. Jobs stay until the test runs them.
    ///
    /// # Panics
    /// When there is no memory for it.
    pub async fn new() -> Self {
        let clock = ManualClock::default();
        let backend = in_memory(&clock).await;
        Self::over(backend, clock)
    }

    /// A queue over a store of the test's, such as a [`FaultyBackend`](super::fault::FaultyBackend). The store should read
    /// the same clock.
    pub fn over(backend: Arc<dyn Backend>, clock: ManualClock) -> Self {
        let recorder = Arc::new(Recorder::new(backend));
        Self {
            queue: Queue::builder().clock(clock.clone()).over(recorder.clone()),
            clock,
            recorder,
            reports: Reports::default(),
        }
    }

    /// A queue in memory that runs each job while it is enqueued, through `provider`: when a creator's future resolves, the
    /// job has had its first attempt. What became of it is in [`Queue::job`], and counted in [`report`](Self::report).
    ///
    /// What a handler enqueues runs right after it. Jobs that are due later, by a delay or for another attempt, wait until
    /// they are [`drain`](Self::drain)ed.
    ///
    /// # Panics
    /// When there is no memory for it.
    ///
    /// # Examples
    /// ```
    /// use queue::provider::Mock;
    /// use queue::testing::TestQueue;
    /// use queue::{SmsJob, State, WelcomeSms, create_welcome_sms_job};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mock = Mock::new();
    /// let queue = TestQueue::<SmsJob>::inline(mock.clone()).await;
    /// let recipient = "0712 345 678".parse()?;
    /// let welcome = WelcomeSms { recipient, user_name: "Wanjiru".into() };
    /// let receipt = create_welcome_sms_job(&queue, welcome).await?;
    ///
    /// assert!(mock.assert_sent_to(&recipient).text.as_str().contains("Wanjiru"));
    /// let view = queue.job(receipt.job_id).await?.expect("the job is kept");
    /// assert_eq!(view.state, State::Completed);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn inline(provider: impl Provider<J::Message>) -> Self {
        Self::inline_with(Notifier::new(provider)).await
    }

    /// As [`inline`](Self::inline), with a handler instead of a provider.
    ///
    /// # Panics
    /// When there is no memory for it.
    pub async fn inline_with(handler: impl Handler<J>) -> Self {
        let manual = Self::new().await;
        let Self { queue, reports, .. } = &manual;
        let inline = Inline::new(queue.clone(), Arc::new(handler), reports.clone());
        let clock = manual.clock.clone();
        Self {
            queue: Queue::builder().clock(clock).over(Arc::new(inline)),
            ..manual
        }
    }

    /// Runs the jobs that are due now through `provider`, one at a time in the queue's order, and says what became of them.
    /// The clock is not moved.
    ///
    /// # Panics
    /// When the store fails, or a job does not end in 30 s of real time.
    pub async fn run_due<P: Provider<J::Message> + Clone>(&self, provider: &P) -> RunReport {
        self.run_due_with(Notifier::new(provider.clone())).await
    }

    /// As [`run_due`](Self::run_due), with a handler instead of a provider.
    ///
    /// # Panics
    /// When the store fails, or a job does not end in 30 s of real time.
    pub async fn run_due_with(&self, handler: impl Handler<J>) -> RunReport {
        self.run(Arc::new(handler)).await
    }

    /// Runs all jobs through `provider` until none waits any more: whenever nothing is due, the clock is moved to the moment
    /// when something is. Says what became of them. A paused queue is left alone.
    ///
    /// # Panics
    /// When the store fails, a job does not end in 30 s of real time, or jobs are put off for ever.
    pub async fn drain<P: Provider<J::Message> + Clone>(&self, provider: &P) -> RunReport {
        self.drain_with(Notifier::new(provider.clone())).await
    }

    /// As [`drain`](Self::drain), with a handler instead of a provider.
    ///
    /// # Panics
    /// When the store fails, a job does not end in 30 s of real time, or jobs are put off for ever.
    pub async fn drain_with(&self, handler: impl Handler<J>) -> RunReport {
        let handler: Arc<dyn Handler<J>> = Arc::new(handler);
        let before = self.report();
        let mut put_off = 0;
        loop {
            let round = self.run(handler.clone()).await;
            let Some(moment) = self.next_due().await else {
                return self.report().since(before);
            };
            self.advance(moment.since(self.clock.now()));
            // A round without an attempt is one in which jobs expired.
            put_off += if round.total() == 0 { 1 } else { round.snoozed };
            let jobs = self.enqueued_kinds().len().max(1) as u64;
            assert!(
                put_off <= SNOOZES_PER_JOB_MAX * jobs,
                "jobs are put off again and again: the handler or provider must let them end"
            );
        }
    }

    /// What became of all attempts that this kit ran so far, inline ones included.
    pub fn report(&self) -> RunReport {
        self.reports.total()
    }

    /// Every job that was accepted so far, in the order of enqueue. Jobs of other enums in the same store are not among them.
    pub fn enqueued(&self) -> Vec<EnqueuedJob<J>> {
        self.recorder.jobs()
    }

    /// The kinds of [`enqueued`](Self::enqueued), of jobs too that this enum can't decode.
    pub(super) fn enqueued_kinds(&self) -> Vec<Kind> {
        self.recorder.kinds(J::QUEUE)
    }

    /// Moves the clock forward. A worker that the test spawned measures leases and timeouts by it too, so let it run between
    /// two moves.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Moves the clock forward to `moment`; see [`advance`](Self::advance).
    ///
    /// # Panics
    /// When that moment has passed: promises to people are not made for a clock that goes back.
    #[track_caller]
    pub fn advance_to(&self, moment: Timestamp) {
        let now = self.clock.now();
        assert!(moment >= now, "the clock stands after that moment already");
        self.advance(moment.since(now));
    }

    /// The clock that the queue reads.
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    async fn run(&self, handler: Arc<dyn Handler<J>>) -> RunReport {
        let report = run_due(self.queue.clone(), handler).await;
        self.reports.add(report);
        report
    }

    /// When the next waiting job is due.
    async fn next_due(&self) -> Option<Timestamp> {
        let stats = self
            .queue
            .stats()
            .await
            .expect("a test's store can be read");
        if stats.paused {
            return None;
        }
        let mut filter = ListFilter::new(J::QUEUE);
        filter.states = vec![State::Scheduled, State::Retrying, State::Snoozed];
        let mut earliest: Option<Timestamp> = None;
        loop {
            let page = self.queue.list(filter.clone()).await;
            let page = page.expect("a test's store can be read");
            let due = page.jobs.iter().map(|job| job.due_at);
            earliest = due.chain(earliest).min();
            filter.after = Some(match page.next {
                Some(next) => next,
                None => return earliest,
            });
        }
    }
}

impl<J: Job> Deref for TestQueue<J> {
    type Target = Queue<J>;

    fn deref(&self) -> &Queue<J> {
        &self.queue
    }
}

impl<J: Job> fmt::Debug for TestQueue<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestQueue")
            .field("name", &J::QUEUE)
            .field("enqueued", &self.enqueued_kinds().len())
            .finish_non_exhaustive()
    }
}

/// What became of the attempts of several runs.
#[derive(Clone, Default)]
pub(super) struct Reports(Arc<Mutex<RunReport>>);

impl Reports {
    pub(super) fn add(&self, report: RunReport) {
        let mut total = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *total = total.plus(report);
    }

    fn total(&self) -> RunReport {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An empty store in memory.
pub(super) async fn in_memory(clock: &ManualClock) -> Arc<dyn Backend> {
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    let opened = SqliteBackend::open(SqliteOptions::in_memory().clock(clock)).await;
    Arc::new(opened.expect("a store in memory opens"))
}
