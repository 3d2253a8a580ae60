//! [`Envelope`]: what is stored of a job.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::id::JobId;
use super::kind::{Kind, UnknownPolicy};
use super::limits::{IdempotencyKey, Metadata, Tenant};
use super::priority::Priority;
use super::recipient::RecipientKey;
use crate::clock::Timestamp;

/// What is stored of a job: everything a backend and a worker need to know without looking into the payload.
///
/// Its JSON form is in `docs/wire_format.md`; [`Envelope::encode`](Envelope::encode) and
/// [`Envelope::decode`](Envelope::decode) are the codec.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Envelope {
    /// The job's identity.
    pub id: JobId,
    /// The queue it belongs to, such as `sms`.
    pub queue: String,
    /// The stable wire name of its variant.
    pub kind: Kind,
    /// The version of the payload's shape, from 1.
    pub version: u16,
    /// The payload: a JSON object tagged by `type`, opaque to everything but the job enum.
    pub payload: Vec<u8>,
    /// How soon it should run beside others.
    pub priority: Priority,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// It does not start before this moment.
    pub due_at: Timestamp,
    /// It is never sent from this moment on.
    pub deadline: Option<Timestamp>,
    /// How many attempts it has in all, from 1.
    pub max_attempts: u16,
    /// What becomes of an attempt whose outcome nobody knows.
    pub unknown: UnknownPolicy,
    /// The payload holds a secret and is wiped at every terminal state.
    pub secret: bool,
    /// The caller's promise of sameness.
    pub idempotency: Option<Idempotency>,
    /// On whose behalf it is sent.
    pub tenant: Option<Tenant>,
    /// To whom it goes, as an opaque key.
    pub recipient: Option<RecipientKey>,
    /// W3C trace context of the code that enqueued it.
    pub trace: Option<TraceContext>,
    /// The caller's own labels.
    pub metadata: Metadata,
}

impl Envelope {
    /// An envelope with a new id, due at once, with the defaults of every optional part.
    pub fn new(
        queue: impl Into<String>,
        kind: Kind,
        version: u16,
        payload: Vec<u8>,
        now: Timestamp,
    ) -> Self {
        Self {
            id: JobId::new(),
            queue: queue.into(),
            kind,
            version,
            payload,
            priority: Priority::default(),
            created_at: now,
            due_at: now,
            deadline: None,
            max_attempts: crate::retry::MAX_ATTEMPTS,
            unknown: UnknownPolicy::default(),
            secret: false,
            idempotency: None,
            tenant: None,
            recipient: None,
            trace: None,
            metadata: Metadata::new(),
        }
    }

    /// Whether the deadline has passed at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }
}

/// Never shows the payload or the values of the metadata.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("id", &self.id)
            .field("queue", &self.queue)
            .field("kind", &self.kind)
            .field("version", &self.version)
            .field("payload_bytes", &self.payload.len())
            .field("priority", &self.priority)
            .field("due_at", &self.due_at)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// An idempotency key and how long it outlives its job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// The key.
    pub key: IdempotencyKey,
    /// How long after the enqueue a *completed* or *unknown* job still holds the key, in milliseconds. A job that is
    /// not yet terminal always holds it; one that is dead, expired or cancelled frees it at once.
    pub window_ms: u64,
}

impl Idempotency {
    /// `key`, held for `window` from the enqueue.
    pub fn new(key: IdempotencyKey, window: Duration) -> Self {
        Self {
            key,
            window_ms: u64::try_from(window.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// W3C trace context, as text: a job outlives the span that enqueued it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceContext {
    /// The `traceparent` header.
    pub traceparent: String,
    /// The `tracestate` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<String>,
}
