//! [`EnqueueError`]: why a job was not stored.

use std::time::Duration;

use crate::backend::BackendError;
use crate::job::{EncodeError, LimitError};
use crate::provider::RenderError;

/// A job that was not stored. Its text says what to change, quotes nothing of the payload, and may be shown to a caller.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct EnqueueError(#[from] EnqueueErrorKind);

/// Why a job was not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnqueueErrorKind {
    /// The payload can't become a message: enqueueing it would only make a dead letter.
    #[error("the payload does not render: {0}")]
    Invalid(RenderError),
    /// The payload does not serialize to a JSON object.
    #[error("the payload can't be stored: {0}")]
    Unencodable(EncodeError),
    /// The payload is larger than the queue takes; see [`QueueBuilder::payload_bytes_max`](super::QueueBuilder::payload_bytes_max).
    #[error(
        "the payload has {actual} bytes of JSON, at most {limit} are allowed: shorten it or raise the queue's limit"
    )]
    PayloadTooLarge {
        /// Its size in bytes.
        actual: usize,
        /// The bound in bytes.
        limit: usize,
    },
    /// An idempotency key, tenant or label is out of bounds.
    #[error(transparent)]
    OutOfBounds(LimitError),
    /// The lifetime is zero, or the deadline is not after the moment the job is due: it could never be sent.
    #[error("the job would expire before it is due: give it a lifetime longer than its delay")]
    ExpiresTooSoon,
    /// No attempts were allowed.
    #[error("a job needs at least one attempt")]
    NoAttempts,
    /// The store refused.
    #[error(transparent)]
    Store(BackendError),
}

impl EnqueueError {
    /// Why the job was not stored.
    pub fn kind(&self) -> &EnqueueErrorKind {
        &self.0
    }

    /// Whether the same call may work later.
    pub fn is_retryable(&self) -> bool {
        self.retry_after().is_some()
    }

    /// How long to wait before the same call may work, for a `Retry-After` header; `None` when it never will.
    pub fn retry_after(&self) -> Option<Duration> {
        match &self.0 {
            EnqueueErrorKind::Store(error) => error.retry_after(),
            _ => None,
        }
    }
}

impl From<LimitError> for EnqueueErrorKind {
    fn from(error: LimitError) -> Self {
        Self::OutOfBounds(error)
    }
}

impl From<BackendError> for EnqueueError {
    fn from(error: BackendError) -> Self {
        Self(EnqueueErrorKind::Store(error))
    }
}
