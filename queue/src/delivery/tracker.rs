//! [`Deliveries`]: which message is whose, and where it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;

use super::builder::{DeliveriesBuilder, EARLY_AGE, EARLY_REPORTS_MAX};
use super::early::{EarlyBudget, Taken};
use super::event::{DeliveryEvent, DeliveryStream};
use super::poll::{self, PollSchedule};
use super::stored::{Origin, Step, Stored};
use super::view::{JobDelivery, MessageDelivery};
use super::{DeliveryObserver, DeliveryReport, DeliveryStatus, key};
use crate::backend::{BackendError, BackendErrorKind, Expect, Put, RecordKey, Records};
use crate::clock::{Clock, Timestamp};
use crate::job::{Job, JobId, RecipientKey};
use crate::producer::Queue;
use crate::provider::Receipt;
use crate::telemetry::names;

/// How many events a reader may be behind before it loses some.
const EVENTS_KEPT: usize = 1024;
/// How often a change is tried while others change the same message. Reports of one message are few and seconds apart.
const CHANGES_MAX: usize = 16;
/// Most messages of a job that are shown: more than any job has attempts worth reading.
const MESSAGES_SHOWN: usize = 256;

/// Which message is whose, and where it is: the record of deliveries beside the jobs, in the same store.
///
/// Clones share everything. Every process of a store may have its own; they see the same.
#[derive(Clone)]
pub struct Deliveries(Arc<Shared>);

struct Shared {
    settings: Settings,
    early: EarlyBudget,
    events: broadcast::Sender<DeliveryEvent>,
}

pub(super) struct Settings {
    pub(super) records: Arc<dyn Records>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) retention: Duration,
    pub(super) polled: BTreeMap<String, PollSchedule>,
    pub(super) observers: Vec<Arc<dyn DeliveryObserver>>,
}

/// What became of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// The message moved.
    Changed(DeliveryEvent),
    /// Nothing changed: it said what was known, or less, or contradicts a final status.
    Ignored {
        /// The status that stays.
        status: DeliveryStatus,
    },
    /// No send under this id is recorded. The report is kept for [`EARLY_AGE`], in case it was faster than the receipt.
    Early,
    /// It is about no message: its id or its provider's name can't be one, or [`EARLY_REPORTS_MAX`] early ones wait already.
    Dropped,
}

impl Deliveries {
    /// Describes the deliveries of a queue, kept in its store.
    pub fn of<J: Job>(queue: &Queue<J>) -> DeliveriesBuilder {
        Self::over(queue.records(), Arc::clone(queue.clock()))
    }

    /// Describes deliveries that are kept in `records`, by the time of `clock`.
    pub fn over(records: Arc<dyn Records>, clock: Arc<dyn Clock>) -> DeliveriesBuilder {
        DeliveriesBuilder::new(records, clock)
    }

    pub(super) fn new(settings: Settings) -> Self {
        Self(Arc::new(Shared {
            settings,
            early: EarlyBudget::new(),
            events: broadcast::Sender::new(EVENTS_KEPT),
        }))
    }

    /// Records that `attempt` at `job` was accepted as `receipt` says. The same again changes nothing. `recipient` is for
    /// observers that act on a recipient, such as a list of opt-outs.
    ///
    /// A [`Tracked`](super::Tracked) provider does this; call it where another handler sends.
    ///
    /// # Errors
    /// [`BackendError`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves it recorded or not.
    pub async fn accepted(
        &self,
        job: JobId,
        attempt: u16,
        receipt: &Receipt,
        recipient: Option<RecipientKey>,
    ) -> Result<(), BackendError> {
        let origin = Origin {
            segments: receipt.segments,
            recipient,
            ..self.origin(job, attempt)
        };
        let id = receipt.message_id.as_deref();
        let named = id.and_then(|id| Some((id, key::message(&receipt.provider, id)?)));
        let Some((id, key)) = named else {
            // Nothing can be reported of a message without an id.
            return self
                .record_nameless(&receipt.provider, DeliveryStatus::Accepted, origin)
                .await;
        };
        if let Some((_, known)) = self.stored(&key).await?
            && known.origin.is_some_and(|known| known.job == job)
        {
            return Ok(());
        }
        // Before the message itself: what leads to nothing does no harm, what is led to by nothing is never found.
        tokio::try_join!(
            self.link(origin, &key),
            self.plan_first_poll(&receipt.provider, id, origin),
        )?;
        self.record(
            key,
            &receipt.provider,
            Some(id),
            DeliveryStatus::Accepted,
            origin,
        )
        .await
    }

    /// Records that nobody knows whether `attempt` at `job` sent anything through `provider`.
    ///
    /// # Errors
    /// [`BackendError`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves it recorded or not.
    pub async fn doubted(
        &self,
        job: JobId,
        attempt: u16,
        provider: &str,
        recipient: Option<RecipientKey>,
    ) -> Result<(), BackendError> {
        let origin = Origin {
            recipient,
            ..self.origin(job, attempt)
        };
        self.record_nameless(provider, DeliveryStatus::Unknown, origin)
            .await
    }

    /// Applies a report, whenever and however often it comes.
    ///
    /// # Errors
    /// [`BackendError`], also of a [`DeliveryObserver`]; apply it again.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it applied or not.
    pub async fn apply(&self, report: DeliveryReport) -> Result<Applied, BackendError> {
        self.apply_from(report, None).await
    }

    /// Applies a report that says itself which attempt it is about, such as one that came to an address made for that
    /// attempt. It needs no receipt, so it also decides about an attempt whose receipt was lost.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    ///
    /// # Cancel safety
    /// As [`apply`](Self::apply).
    pub async fn apply_to(
        &self,
        job: JobId,
        attempt: u16,
        report: DeliveryReport,
    ) -> Result<Applied, BackendError> {
        let origin = self.origin(job, attempt);
        self.apply_from(report, Some(origin)).await
    }

    /// What is known of a job's messages; `None` when none was sent, or it is not kept any more.
    ///
    /// # Errors
    /// [`BackendError`].
    pub async fn job(&self, job: JobId) -> Result<Option<JobDelivery>, BackendError> {
        let links = self
            .records()
            .list(key::JOBS, key::before_job(job), MESSAGES_SHOWN)
            .await?;
        let keys = links
            .iter()
            .map_while(|(link, _)| key::message_of(job, link));
        let mut messages = Vec::new();
        for key in keys {
            if let Some((_, stored)) = self.stored(&key).await?
                && let Some(view) = stored.view()
                && view.job == job
            {
                messages.push(view);
            }
        }
        Ok(JobDelivery::new(job, messages))
    }

    /// What is known of the message that `provider` calls `message_id`; `None` when it is nobody's, or not kept any more.
    ///
    /// # Errors
    /// [`BackendError`].
    pub async fn message(
        &self,
        provider: &str,
        message_id: &str,
    ) -> Result<Option<MessageDelivery>, BackendError> {
        let Some(key) = key::message(provider, message_id) else {
            return Ok(None);
        };
        let stored = self.stored(&key).await?;
        Ok(stored.and_then(|(_, stored)| stored.view()))
    }

    /// What this process records from now on. Slow readers lose events with a count and slow nobody.
    pub fn subscribe(&self) -> DeliveryStream {
        DeliveryStream::new(self.0.events.subscribe())
    }

    pub(super) async fn apply_from(
        &self,
        report: DeliveryReport,
        origin: Option<Origin>,
    ) -> Result<Applied, BackendError> {
        let Some(key) = key::message(&report.provider, &report.message_id) else {
            return Ok(Applied::Dropped);
        };
        for _ in 0..CHANGES_MAX {
            let now = self.now();
            let (expect, current) = self.current(&key).await?;
            let is_new = current.is_none();
            let is_orphan = current.as_ref().is_none_or(|known| known.origin.is_none());
            if let Some(origin) = origin
                && is_orphan
            {
                self.link(origin, &key).await?;
            }
            let (next, event) = match Stored::after_report(current, &report, origin, now) {
                Step::Keep(status) => return Ok(Applied::Ignored { status }),
                Step::Store(change) => (change.next, change.event),
            };
            if event.is_none() && is_new && !self.may_keep_early(now, &report.provider) {
                return Ok(Applied::Dropped);
            }
            if let Some(event) = &event {
                self.observe(event).await?;
            }
            if self.replace(&key, &next, expect, now).await? {
                return Ok(match event {
                    Some(event) => {
                        self.tell(event.clone());
                        Applied::Changed(event)
                    }
                    None => Applied::Early,
                });
            }
        }
        Err(contended())
    }

    async fn record_nameless(
        &self,
        provider: &str,
        status: DeliveryStatus,
        origin: Origin,
    ) -> Result<(), BackendError> {
        let Some(key) = key::nameless(provider, origin.job, origin.attempt) else {
            tracing::warn!(
                { names::JOB_ID } = %origin.job,
                "the provider's name is too long or not plain: its messages are not tracked"
            );
            return Ok(());
        };
        self.link(origin, &key).await?;
        self.record(key, provider, None, status, origin).await
    }

    async fn record(
        &self,
        key: RecordKey,
        provider: &str,
        id: Option<&str>,
        status: DeliveryStatus,
        origin: Origin,
    ) -> Result<(), BackendError> {
        for _ in 0..CHANGES_MAX {
            let (expect, current) = self.current(&key).await?;
            let was_early = current.is_some();
            let (next, event) = match Stored::after_send(current, provider, id, status, origin) {
                Step::Keep(_) => return Ok(()),
                Step::Store(change) => (change.next, change.event),
            };
            if let Some(event) = &event
                && was_early
            {
                // A report that came before its receipt is one that observers have not seen.
                self.observe(event).await?;
            }
            if self
                .replace(&key, &next, expect, origin.accepted_at)
                .await?
            {
                if let Some(event) = event {
                    self.tell(event);
                }
                return Ok(());
            }
        }
        Err(contended())
    }

    /// What leads from the job to its message.
    async fn link(&self, origin: Origin, message: &RecordKey) -> Result<(), BackendError> {
        let Some(key) = key::job(origin.job, origin.attempt, message) else {
            return Ok(());
        };
        let expires_at = Some(self.expiry(origin.accepted_at));
        self.records()
            .put(key::JOBS, key, Vec::new(), Expect::Any, expires_at)
            .await?;
        Ok(())
    }

    async fn plan_first_poll(
        &self,
        provider: &str,
        message_id: &str,
        origin: Origin,
    ) -> Result<(), BackendError> {
        match self.0.settings.polled.get(provider) {
            Some(schedule) => {
                poll::plan_first(self.records(), schedule, provider, message_id, origin).await
            }
            None => Ok(()),
        }
    }

    async fn current(&self, key: &RecordKey) -> Result<(Expect, Option<Stored>), BackendError> {
        Ok(match self.stored(key).await? {
            Some((revision, stored)) => (Expect::Revision(revision), Some(stored)),
            None => (Expect::Absent, None),
        })
    }

    async fn stored(&self, key: &RecordKey) -> Result<Option<(u64, Stored)>, BackendError> {
        let Some(record) = self.records().get(key::MESSAGES, key.clone()).await? else {
            return Ok(None);
        };
        let stored = serde_json::from_slice(&record.value).map_err(|error| {
            let text = "what is stored of a message can't be read: a newer version wrote it";
            BackendError::new(BackendErrorKind::Corrupt, text).caused_by(error)
        })?;
        Ok(Some((record.revision, stored)))
    }

    async fn replace(
        &self,
        key: &RecordKey,
        next: &Stored,
        expect: Expect,
        now: Timestamp,
    ) -> Result<bool, BackendError> {
        let expires_at = match next.origin {
            Some(origin) => self.expiry(origin.accepted_at),
            None => now.saturating_add(EARLY_AGE),
        };
        let value = serde_json::to_vec(next).map_err(|error| {
            BackendError::new(BackendErrorKind::Io, "a delivery can't be written").caused_by(error)
        })?;
        let put = self
            .records()
            .put(key::MESSAGES, key.clone(), value, expect, Some(expires_at))
            .await?;
        Ok(matches!(put, Put::Stored { .. }))
    }

    async fn observe(&self, event: &DeliveryEvent) -> Result<(), BackendError> {
        for observer in &self.0.settings.observers {
            observer.on_report(event).await?;
        }
        Ok(())
    }

    fn tell(&self, event: DeliveryEvent) {
        tracing::debug!(
            { names::JOB_ID } = %event.message.job,
            { names::ATTEMPT } = event.message.attempt,
            { names::PROVIDER } = event.message.provider,
            { names::DELIVERY_STATUS } = event.message.status.as_str(),
            { names::DELIVERY_FAILURE } = event.message.failure.map(super::DeliveryFailure::as_str),
            "a message moved"
        );
        // Nobody listening is fine.
        let _ = self.0.events.send(event);
    }

    fn may_keep_early(&self, now: Timestamp, provider: &str) -> bool {
        match self.0.early.take(now, EARLY_AGE, EARLY_REPORTS_MAX) {
            Taken::Yes => true,
            Taken::FirstRefused => {
                tracing::warn!(
                    { names::PROVIDER } = provider,
                    "too many delivery reports about unknown messages: more are dropped for an hour"
                );
                false
            }
            Taken::Refused => false,
        }
    }

    fn origin(&self, job: JobId, attempt: u16) -> Origin {
        Origin {
            job,
            attempt,
            accepted_at: self.now(),
            segments: 0,
            recipient: None,
        }
    }

    fn expiry(&self, accepted_at: Timestamp) -> Timestamp {
        accepted_at.saturating_add(self.0.settings.retention)
    }

    fn now(&self) -> Timestamp {
        self.0.settings.clock.now()
    }

    pub(super) fn records(&self) -> &Arc<dyn Records> {
        &self.0.settings.records
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.settings.clock
    }

    pub(super) fn schedule(&self, provider: &str) -> Option<&PollSchedule> {
        self.0.settings.polled.get(provider)
    }
}

impl std::fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deliveries")
            .field("retention", &self.0.settings.retention)
            .field("polled", &self.0.settings.polled)
            .finish_non_exhaustive()
    }
}

fn contended() -> BackendError {
    BackendError::new(
        BackendErrorKind::Locked,
        "others change the same message all the time; try again",
    )
}
