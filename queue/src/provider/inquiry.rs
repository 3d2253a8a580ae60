//! [`Inquiry`]: asking a provider what became of an earlier send.

use std::fmt;
use std::time::Duration;

use super::Receipt;
use crate::clock::Timestamp;
use crate::job::{IdempotencyKey, JobId, Tenant};

/// A question to a provider: did it accept what an earlier attempt of this job may have sent?
///
/// `Debug` shows no message.
#[non_exhaustive]
pub struct Inquiry<'a, M> {
    /// The job.
    pub job: JobId,
    /// The first attempt whose outcome nobody knows, from 1.
    pub attempt: u16,
    /// When that attempt started: a provider that lists its messages lists them from then on.
    pub sent_at: Timestamp,
    /// The last attempt whose outcome nobody knows; those between the two may have sent something too.
    pub last_attempt: u16,
    /// When that attempt was over. What is not found may still come for as long after it as the provider takes to list a
    /// message: before that, *not sent* would be a guess, and a second message its price.
    pub sent_until: Timestamp,
    /// What those attempts sent: the job renders the same message again.
    pub message: &'a M,
    /// The provider's id of the message, when it is known.
    pub message_id: Option<String>,
    /// The caller's idempotency key, when it gave one.
    pub idempotency_key: Option<IdempotencyKey>,
    /// On whose behalf it is sent.
    pub tenant: Option<Tenant>,
    /// How long this call may take.
    pub timeout: Duration,
}

impl<'a, M> Inquiry<'a, M> {
    /// The question about `attempt` of `job` alone, which started and was over at `sent_at`, with `timeout` for the call.
    pub fn new(
        job: JobId,
        attempt: u16,
        sent_at: Timestamp,
        message: &'a M,
        timeout: Duration,
    ) -> Self {
        Self {
            job,
            attempt,
            sent_at,
            last_attempt: attempt,
            sent_until: sent_at,
            message,
            message_id: None,
            idempotency_key: None,
            tenant: None,
            timeout,
        }
    }

    /// The same question about all attempts up to `last_attempt`, which was over at `sent_until`.
    #[must_use]
    pub fn until(mut self, last_attempt: u16, sent_until: Timestamp) -> Self {
        self.last_attempt = last_attempt;
        self.sent_until = sent_until;
        self
    }

    /// The same question with the provider's id of the message.
    #[must_use]
    pub fn message_id(mut self, id: impl Into<String>) -> Self {
        self.message_id = Some(id.into());
        self
    }
}

impl<M> Clone for Inquiry<'_, M> {
    fn clone(&self) -> Self {
        Self {
            message_id: self.message_id.clone(),
            idempotency_key: self.idempotency_key.clone(),
            tenant: self.tenant.clone(),
            ..*self
        }
    }
}

impl<M> fmt::Debug for Inquiry<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inquiry")
            .field("job", &self.job)
            .field("attempt", &self.attempt)
            .field("sent_at", &self.sent_at)
            .field("last_attempt", &self.last_attempt)
            .field("sent_until", &self.sent_until)
            .field("message_id", &self.message_id)
            .finish_non_exhaustive()
    }
}

/// What a provider says of an earlier send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It accepted the message then. The job is done.
    Accepted(Receipt),
    /// It surely never got the message, and won't: it is safe to send.
    NotSent,
    /// It can't tell. The job is kept as unknown.
    CannotTell,
}
