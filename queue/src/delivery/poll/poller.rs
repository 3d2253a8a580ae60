//! [`DeliveryPoller`]: the loop that asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::entry::{self, Entry};
use super::handle::{Counts, PollerHandle};
use super::schedule::PollSchedule;
use super::source::ReportSource;
use crate::backend::{BackendError, BackendErrorKind};
use crate::clock::Timestamp;
use crate::delivery::{Applied, Deliveries, DeliveryReport, DeliveryStatus};
use crate::provider::{ProviderError, ProviderErrorKind};
use crate::telemetry::names;

/// How many questions are in flight unless told otherwise.
pub const POLLS_IN_FLIGHT: usize = 4;
/// Most questions in flight.
pub const POLLS_IN_FLIGHT_MAX: usize = 64;
/// How many questions are taken from the store at once.
const ROUND: usize = 64;
/// Longest time between two looks at the store: other processes plan questions too, and clocks are set.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// How long after a failed question it is asked again, and how long all wait for a provider that refuses us.
const ASK_AGAIN: Duration = Duration::from_secs(60);
/// The bounds of a wait that a provider asks for.
const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(60 * 60);
/// How long a question may take at most, whatever its source thinks; well within the claim on it.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(30);

/// Asks a provider what became of messages, by the schedule that
/// [`DeliveriesBuilder::poll`](crate::delivery::DeliveriesBuilder::poll) gave it.
///
/// What is to be asked is in the store: it survives a restart, and pollers in several processes share the work without asking
/// twice. Messages whose report is final, also a pushed one, are not asked about.
///
/// ```no_run
/// use std::time::Duration;
///
/// use queue::delivery::{Deliveries, DeliveryPoller, PollSchedule, SALUM, Tracked};
/// use queue::provider::Salum;
/// use queue::{Queue, SmsJob, Worker};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let queue = Queue::<SmsJob>::open("file:./queue-data").await?;
/// let salum = Salum::from_env()?;
/// let deliveries = Deliveries::of(&queue).poll(SALUM, PollSchedule::default()).build();
/// let poller = DeliveryPoller::builder(deliveries.clone(), salum.clone()).spawn();
/// let worker = Worker::new(queue, Tracked::new(salum, deliveries)).spawn();
/// // …
/// worker.shutdown(Duration::from_secs(20)).await?;
/// poller.shutdown(Duration::from_secs(5)).await?;
/// # Ok(())
/// # }
/// ```
pub struct DeliveryPoller(Arc<Poller>);

/// A [`DeliveryPoller`] that does not run yet.
#[must_use]
pub struct DeliveryPollerBuilder {
    deliveries: Deliveries,
    source: Arc<dyn ReportSource>,
    in_flight: usize,
}

impl DeliveryPoller {
    /// Describes a poller that asks `source` for `deliveries`.
    pub fn builder(deliveries: Deliveries, source: impl ReportSource) -> DeliveryPollerBuilder {
        DeliveryPollerBuilder {
            deliveries,
            source: Arc::new(source),
            in_flight: POLLS_IN_FLIGHT,
        }
    }

    /// Runs it on the current runtime, until its handle is told to stop.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn spawn(self) -> PollerHandle {
        let (stop, counts) = (self.0.stop.clone(), self.0.counts.clone());
        let clock = Arc::clone(self.0.deliveries.clock());
        let task = tokio::spawn(run(self.0));
        PollerHandle::new(stop, task, counts, clock)
    }
}

impl DeliveryPollerBuilder {
    /// How many questions are in flight at most, from 1 to [`POLLS_IN_FLIGHT_MAX`]. Default: [`POLLS_IN_FLIGHT`].
    pub fn in_flight(mut self, questions: usize) -> Self {
        self.in_flight = questions.clamp(1, POLLS_IN_FLIGHT_MAX);
        self
    }

    /// Ready. A provider without a schedule gets the default one for what is planned already.
    pub fn build(self) -> DeliveryPoller {
        let provider = self.source.provider().to_owned();
        let schedule = self.deliveries.schedule(&provider).cloned();
        DeliveryPoller(Arc::new(Poller {
            schedule: schedule.unwrap_or_default(),
            provider,
            deliveries: self.deliveries,
            source: self.source,
            in_flight: self.in_flight,
            held_until: AtomicU64::new(0),
            stop: CancellationToken::new(),
            counts: Counts::default(),
        }))
    }

    /// Ready, and running; see [`DeliveryPoller::spawn`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn spawn(self) -> PollerHandle {
        self.build().spawn()
    }
}

impl std::fmt::Debug for DeliveryPoller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeliveryPoller")
            .field("provider", &self.0.provider)
            .field("schedule", &self.0.schedule)
            .field("in_flight", &self.0.in_flight)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for DeliveryPollerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeliveryPollerBuilder")
            .field("provider", &self.source.provider())
            .field("in_flight", &self.in_flight)
            .finish_non_exhaustive()
    }
}

struct Poller {
    deliveries: Deliveries,
    source: Arc<dyn ReportSource>,
    provider: String,
    schedule: PollSchedule,
    in_flight: usize,
    /// Nothing is asked before this moment of [`Clock::uptime`](crate::clock::Clock::uptime): the provider refuses us all.
    held_until: AtomicU64,
    stop: CancellationToken,
    counts: Counts,
}

async fn run(poller: Arc<Poller>) -> Result<(), BackendError> {
    let mut failures = 0_u32;
    loop {
        let wait = match round(&poller).await {
            Ok(wait) => {
                failures = 0;
                wait
            }
            Err(error) if is_final(error.kind()) => return Err(error),
            Err(error) => {
                tracing::warn!(
                    { names::ERROR_KIND } = error.kind().as_str(),
                    { names::REASON } = %error,
                    "delivery reports can't be recorded; they are asked for again"
                );
                failures += 1;
                LOOK_AGAIN.min(WAIT_MIN * 2_u32.saturating_pow(failures.min(8)))
            }
        };
        tokio::select! {
            biased;
            () = poller.stop.cancelled() => return Ok(()),
            () = poller.deliveries.clock().sleep(wait) => {}
        }
    }
}

/// Asks what is due, and says how long nothing else will be.
async fn round(poller: &Arc<Poller>) -> Result<Duration, BackendError> {
    let now = poller.now();
    if let Some(held) = poller.held() {
        return Ok(held.min(LOOK_AGAIN));
    }
    let due = entry::due(poller.deliveries.records(), &poller.provider, now, ROUND).await?;
    if due.entries.is_empty() {
        // A question that somebody plans from now on is not due before the schedule's first step.
        let most = LOOK_AGAIN.min(poller.schedule.first_step());
        return Ok(due.next.map_or(most, |next| next.since(now).min(most)));
    }
    let mut running = JoinSet::new();
    let mut result = Ok(());
    for entry in due.entries {
        if poller.stop.is_cancelled() || poller.held().is_some() || result.is_err() {
            break;
        }
        if running.len() >= poller.in_flight
            && let Some(end) = running.join_next().await
        {
            result = flatten(end);
        }
        running.spawn(ask(Arc::clone(poller), entry));
    }
    while let Some(end) = running.join_next().await {
        result = result.and(flatten(end));
    }
    result.map(|()| Duration::ZERO)
}

/// One question, and what its answer means.
async fn ask(poller: Arc<Poller>, entry: Entry) -> Result<(), BackendError> {
    let records = poller.deliveries.records();
    let known = poller
        .deliveries
        .message(&poller.provider, &entry.message_id)
        .await?;
    if known.is_some_and(|known| known.status.is_final()) {
        return settled(&poller, &entry).await;
    }
    if !entry.claim(records, poller.now()).await? {
        return Ok(());
    }
    let question = poller.source.report(&entry.message_id);
    let answer = tokio::time::timeout(QUESTION_TIMEOUT, question)
        .await
        .unwrap_or_else(|_| Err(ProviderError::transient("no answer in time")));
    match answer {
        Ok(report) => {
            poller.counts.add(|counts| counts.answered += 1);
            let status = poller.apply(&entry, report).await?;
            if status.is_final() {
                return settled(&poller, &entry).await;
            }
            next_step(&poller, &entry).await
        }
        Err(error) => {
            poller.counts.add(|counts| counts.failed += 1);
            failed(&poller, &entry, &error).await
        }
    }
}

/// A report is final: there is nothing more to ask.
async fn settled(poller: &Poller, entry: &Entry) -> Result<(), BackendError> {
    if entry.finish(poller.deliveries.records()).await? {
        poller.counts.add(|counts| counts.settled += 1);
    }
    Ok(())
}

async fn failed(poller: &Poller, entry: &Entry, error: &ProviderError) -> Result<(), BackendError> {
    tracing::debug!({ names::PROVIDER } = poller.provider, { names::REASON } = %error, "no delivery report");
    let now = poller.now();
    let wait = match error.kind() {
        ProviderErrorKind::Rejected => return next_step(poller, entry).await,
        ProviderErrorKind::Throttled { after } => {
            let after = after.clamp(WAIT_MIN, WAIT_MAX);
            poller.hold(after);
            after
        }
        ProviderErrorKind::Misconfigured => {
            tracing::warn!(
                { names::PROVIDER } = poller.provider,
                { names::REASON } = %error,
                "the provider refuses to tell of deliveries: check its settings"
            );
            poller.hold(ASK_AGAIN);
            ASK_AGAIN
        }
        ProviderErrorKind::Transient { after } => {
            after.unwrap_or(ASK_AGAIN).clamp(WAIT_MIN, WAIT_MAX)
        }
        ProviderErrorKind::Unknown => ASK_AGAIN,
    };
    if now >= poller.schedule.end(entry.origin.accepted_at) {
        return give_up(poller, entry).await;
    }
    let due = now.saturating_add(wait);
    entry
        .postpone(
            poller.deliveries.records(),
            &poller.schedule,
            &poller.provider,
            due,
        )
        .await
}

async fn next_step(poller: &Poller, entry: &Entry) -> Result<(), BackendError> {
    match (poller.schedule).next(entry.origin.accepted_at, poller.now()) {
        Some(due) => {
            let records = poller.deliveries.records();
            entry
                .postpone(records, &poller.schedule, &poller.provider, due)
                .await
        }
        None => give_up(poller, entry).await,
    }
}

/// The cut-off has passed: nobody will ever know, unless a report is pushed after all.
async fn give_up(poller: &Poller, entry: &Entry) -> Result<(), BackendError> {
    let report = DeliveryReport::new(&poller.provider, &entry.message_id, DeliveryStatus::Unknown)
        .code("no report in time");
    poller.apply(entry, report).await?;
    if entry.finish(poller.deliveries.records()).await? {
        poller.counts.add(|counts| counts.given_up += 1);
    }
    Ok(())
}

impl Poller {
    /// Applies `report` to the message that was asked about, whatever it says that it is about.
    async fn apply(
        &self,
        entry: &Entry,
        report: DeliveryReport,
    ) -> Result<DeliveryStatus, BackendError> {
        let report = DeliveryReport {
            provider: self.provider.clone(),
            message_id: entry.message_id.clone(),
            ..report
        };
        let status = report.status;
        let applied = self
            .deliveries
            .apply_from(report, Some(entry.origin))
            .await?;
        Ok(match applied {
            Applied::Changed(event) => event.message.status,
            Applied::Ignored { status } => status,
            Applied::Early | Applied::Dropped => status,
        })
    }

    fn now(&self) -> Timestamp {
        self.deliveries.clock().now()
    }

    fn hold(&self, wait: Duration) {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let until = self.deliveries.clock().uptime().saturating_add(wait);
        self.held_until.fetch_max(until, Ordering::Relaxed);
    }

    fn held(&self) -> Option<Duration> {
        let until = self.held_until.load(Ordering::Relaxed);
        let left = until.saturating_sub(self.deliveries.clock().uptime());
        (left > 0).then(|| Duration::from_millis(left))
    }
}

fn flatten(end: Result<Result<(), BackendError>, JoinError>) -> Result<(), BackendError> {
    match end {
        Ok(result) => result,
        // The question stays claimed for a while and is then asked again.
        Err(error) if error.is_panic() => {
            tracing::warn!("the source of delivery reports panicked");
            Ok(())
        }
        Err(_) => Ok(()),
    }
}

/// Whether a store that failed so never works again.
fn is_final(kind: BackendErrorKind) -> bool {
    matches!(kind, BackendErrorKind::Closed | BackendErrorKind::Poisoned)
}
