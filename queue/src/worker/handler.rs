//! [`Handler`]: what a worker runs for each job.

use std::sync::Arc;
use std::time::Duration;

use super::outcome::Outcome;
use crate::clock::Timestamp;
use crate::future::BoxFuture;
use crate::job::{
    Doubt, IdempotencyKey, Job, JobId, KindInfo, Metadata, Tenant, TraceContext, UnknownPolicy,
};
use crate::provider::SendContext;

/// What a worker runs for each job. It sees the job and its context and no backend, so it runs in a unit test as well.
///
/// The shipped one is [`Notifier`](crate::notification::Notifier): render, then send.
pub trait Handler<J: Job>: Send + Sync + 'static {
    /// Does the job. A panic counts as [`Outcome::Unknown`].
    ///
    /// # Cancel safety
    /// The future is dropped when the attempt's time is over; the outcome is unknown then.
    fn handle<'a>(&'a self, job: &'a J, context: &'a JobContext) -> BoxFuture<'a, Outcome>;
}

impl<J: Job, H: Handler<J> + ?Sized> Handler<J> for Arc<H> {
    fn handle<'a>(&'a self, job: &'a J, context: &'a JobContext) -> BoxFuture<'a, Outcome> {
        (**self).handle(job, context)
    }
}

/// What a handler may know of the attempt it makes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobContext {
    /// The job.
    pub id: JobId,
    /// What its kind declares.
    pub kind: &'static KindInfo,
    /// The number of this attempt, from 1.
    pub attempt: u16,
    /// An earlier attempt may have had its effect.
    pub doubt: Option<Doubt>,
    /// What becomes of an attempt whose outcome nobody knows: the kind's policy, or the queue's.
    pub unknown: UnknownPolicy,
    /// How many attempts it has in all.
    pub max_attempts: u16,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// It is never sent from this moment on.
    pub deadline: Option<Timestamp>,
    /// How long this attempt may take: the send timeout, or less when the deadline is nearer.
    pub timeout: Duration,
    /// The caller's idempotency key.
    pub idempotency_key: Option<IdempotencyKey>,
    /// On whose behalf it is sent.
    pub tenant: Option<Tenant>,
    /// The caller's labels.
    pub metadata: Metadata,
    /// W3C trace context of the code that enqueued it.
    pub trace: Option<TraceContext>,
}

impl JobContext {
    /// The context of a first attempt, as a test would make one.
    pub fn new(id: JobId, kind: &'static KindInfo, now: Timestamp, timeout: Duration) -> Self {
        Self {
            id,
            kind,
            attempt: 1,
            doubt: None,
            unknown: kind.unknown,
            max_attempts: kind.max_attempts,
            created_at: now,
            deadline: None,
            timeout,
            idempotency_key: None,
            tenant: None,
            metadata: Metadata::new(),
            trace: None,
        }
    }

    /// Whether an earlier attempt may have had its effect.
    pub fn in_doubt(&self) -> bool {
        self.doubt.is_some()
    }

    /// What a provider may know of it.
    pub fn send_context(&self) -> SendContext {
        let mut context = SendContext::new(self.id, self.timeout);
        context.idempotency_key = self.idempotency_key.clone();
        context.attempt = self.attempt;
        context.deadline = self.deadline;
        context.tenant = self.tenant.clone();
        context
    }
}
