//! [`Enqueue`]: one job with its options, awaited to store it.

use std::future::IntoFuture;
use std::time::Duration;

use super::error::{EnqueueError, EnqueueErrorKind};
use super::queue::Queue;
use crate::backend::Enqueued;
use crate::clock::Timestamp;
use crate::future::BoxFuture;
use crate::job::{
    Envelope, Idempotency, IdempotencyKey, Job, JobId, Kind, LimitError, Metadata, Priority,
    Tenant, TraceContext,
};

/// A job about to be enqueued: what a creator returns. Set options, then await it.
///
/// Nothing is stored before it is awaited. Bad options are reported when it is, so the calls chain.
#[must_use = "a job is stored only when this is awaited"]
pub struct Enqueue<'q, J: Job> {
    queue: &'q Queue<J>,
    job: J,
    options: Options,
}

/// What a caller may say of one job.
#[derive(Default)]
struct Options {
    priority: Option<Priority>,
    start: Start,
    expires_in: Option<Duration>,
    max_attempts: Option<u16>,
    key: Option<IdempotencyKey>,
    tenant: Option<Tenant>,
    metadata: Metadata,
    trace: Option<TraceContext>,
    fault: Option<LimitError>,
}

#[derive(Default)]
enum Start {
    #[default]
    AtOnce,
    After(Duration),
    At(Timestamp),
}

impl<'q, J: Job> Enqueue<'q, J> {
    /// `job`, to be stored in `queue` with the options its kind declares.
    pub fn new(queue: &'q Queue<J>, job: J) -> Self {
        Self {
            queue,
            job,
            options: Options::default(),
        }
    }

    /// How soon it runs beside others. Default: what the kind declares.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.options.priority = Some(priority);
        self
    }

    /// Starts it no sooner than after `delay`. Replaces [`schedule_at`](Self::schedule_at).
    pub fn delay(mut self, delay: Duration) -> Self {
        self.options.start = Start::After(delay);
        self
    }

    /// Starts it no sooner than at `moment`; a past moment means at once. Replaces [`delay`](Self::delay).
    pub fn schedule_at(mut self, moment: impl Into<Timestamp>) -> Self {
        self.options.start = Start::At(moment.into());
        self
    }

    /// Never sends it later than `lifetime` from now. Default: what the kind declares, for ever otherwise.
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.options.expires_in = Some(lifetime);
        self
    }

    /// The idempotency key, a name of yours, 1 to 256 bytes (not the [`JobId`](crate::job::JobId), which the receipt tells): jobs with the same key are the same job, and the second caller is told the
    /// first one's id. The key is held while the job lives, and after it completed until the queue's deduplication window
    /// ends (24 h by default); a job that is dead, expired or cancelled frees it at once.
    pub fn job_id(mut self, key: impl Into<String>) -> Self {
        match IdempotencyKey::new(key) {
            Ok(key) => self.options.key = Some(key),
            Err(fault) => self.fail(fault),
        }
        self
    }

    /// How many attempts it has in all, from 1. Default: what the kind declares, 3 otherwise.
    pub fn max_attempts(mut self, attempts: u16) -> Self {
        self.options.max_attempts = Some(attempts);
        self
    }

    /// On whose behalf it is sent, 1 to 128 bytes.
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        match Tenant::new(tenant) {
            Ok(tenant) => self.options.tenant = Some(tenant),
            Err(fault) => self.fail(fault),
        }
        self
    }

    /// Adds a label; at most 32 of them and 4 KiB in all. Never rendered, never sent.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        if let Err(fault) = self.options.metadata.insert(key, value) {
            self.fail(fault);
        }
        self
    }

    /// The W3C trace context of the code that enqueues, as the two headers. What is malformed or too long is left out: see
    /// [`TraceContext::new`].
    pub fn trace(mut self, traceparent: impl Into<String>, tracestate: Option<String>) -> Self {
        self.options.trace = TraceContext::new(traceparent, tracestate);
        self
    }

    fn fail(&mut self, fault: LimitError) {
        self.options.fault.get_or_insert(fault);
    }

    /// Checks everything that can be checked without the store.
    pub(super) fn into_envelope(self) -> Result<Envelope, EnqueueError> {
        let Self {
            queue,
            job,
            options,
        } = self;
        if let Some(fault) = options.fault {
            return Err(EnqueueErrorKind::OutOfBounds(fault).into());
        }
        job.render().map_err(EnqueueErrorKind::Invalid)?;
        let kind = job.kind();
        let payload = job.encode().map_err(EnqueueErrorKind::Unencodable)?;
        let limit = queue.settings().payload_bytes_max;
        if payload.len() > limit {
            return Err(EnqueueErrorKind::PayloadTooLarge {
                actual: payload.len(),
                limit,
            }
            .into());
        }
        let now = queue.clock().now();
        let mut envelope = Envelope::new(
            J::QUEUE,
            Kind::from_static(kind.name),
            kind.version,
            payload,
            now,
        );
        envelope.due_at = match options.start {
            Start::AtOnce => now,
            Start::After(delay) => now.saturating_add(delay),
            Start::At(moment) => moment.max(now),
        };
        envelope.deadline = options
            .expires_in
            .or_else(|| job.expires_after())
            .map(|lifetime| now.saturating_add(lifetime));
        if envelope
            .deadline
            .is_some_and(|deadline| deadline <= envelope.due_at)
        {
            return Err(EnqueueErrorKind::ExpiresTooSoon.into());
        }
        envelope.max_attempts = options.max_attempts.unwrap_or(kind.max_attempts);
        if envelope.max_attempts == 0 {
            return Err(EnqueueErrorKind::NoAttempts.into());
        }
        envelope.priority = options.priority.unwrap_or(kind.priority);
        envelope.unknown = queue.settings().unknown.unwrap_or(kind.unknown);
        envelope.secret = kind.secret;
        let window = queue.settings().deduplication_window;
        envelope.idempotency = options.key.map(|key| Idempotency::new(key, window));
        envelope.tenant = options.tenant;
        envelope.recipient = job.recipient();
        envelope.metadata = options.metadata;
        envelope.trace = options.trace;
        Ok(envelope)
    }
}

impl<'q, J: Job> IntoFuture for Enqueue<'q, J> {
    type Output = Result<EnqueueReceipt, EnqueueError>;
    type IntoFuture = BoxFuture<'q, Self::Output>;

    /// Checks the job and stores it; resolves when the store's durability promise holds.
    ///
    /// # Errors
    /// [`EnqueueError`]: the payload does not render, an option is out of bounds, or the store refused. Nothing is stored
    /// then.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the job either stored or not.
    fn into_future(self) -> Self::IntoFuture {
        let queue = self.queue;
        let envelope = self.into_envelope();
        Box::pin(async move {
            let envelope = envelope?;
            let id = envelope.id;
            let answers = queue.backend().enqueue(vec![envelope]).await?;
            Ok(EnqueueReceipt::new(J::QUEUE, id, answers.first()))
        })
    }
}

/// What the caller of a creator gets: the job's id, and whether it is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnqueueReceipt {
    /// The job: the new one, or the one that holds the idempotency key.
    pub job_id: JobId,
    /// The queue it is in.
    pub queue: &'static str,
    /// Nothing was stored: a job with this idempotency key was there before.
    pub is_duplicate: bool,
}

impl EnqueueReceipt {
    pub(super) fn new(queue: &'static str, id: JobId, answer: Option<&Enqueued>) -> Self {
        match answer {
            Some(Enqueued::Duplicate { of }) => Self {
                job_id: *of,
                queue,
                is_duplicate: true,
            },
            Some(Enqueued::Accepted) | None => Self {
                job_id: id,
                queue,
                is_duplicate: false,
            },
        }
    }
}
