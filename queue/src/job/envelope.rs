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

/// Length of a `traceparent` header, in bytes.
pub const TRACEPARENT_BYTES: usize = 55;
/// The longest `tracestate` header that is kept, in bytes: what the standard asks everybody to pass on.
pub const TRACESTATE_BYTES_MAX: usize = 512;

/// W3C trace context, as text: a job outlives the span that enqueued it. Always within its bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Headers")]
pub struct TraceContext {
    traceparent: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracestate: Option<String>,
}

impl TraceContext {
    /// The trace context in the two headers; `None` when `traceparent` is not one. A `tracestate` that is longer than
    /// [`TRACESTATE_BYTES_MAX`], or not printable ASCII, is left out: the standard lets anybody on the way drop it.
    ///
    /// Neither is worth refusing a job for, so neither is an error.
    pub fn new(traceparent: impl Into<String>, tracestate: Option<String>) -> Option<Self> {
        let traceparent = traceparent.into();
        is_traceparent(&traceparent).then(|| Self {
            traceparent,
            tracestate: tracestate.filter(|state| {
                state.len() <= TRACESTATE_BYTES_MAX
                    && state.bytes().all(|byte| matches!(byte, b' '..=b'~'))
            }),
        })
    }

    /// The `traceparent` header: [`TRACEPARENT_BYTES`] long.
    pub fn traceparent(&self) -> &str {
        &self.traceparent
    }

    /// The `tracestate` header.
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }
}

/// A trace context as it may be written.
#[derive(Deserialize)]
struct Headers {
    traceparent: String,
    #[serde(default)]
    tracestate: Option<String>,
}

impl TryFrom<Headers> for TraceContext {
    type Error = &'static str;

    fn try_from(headers: Headers) -> Result<Self, Self::Error> {
        Self::new(headers.traceparent, headers.tracestate).ok_or("not a W3C trace context")
    }
}

/// Reads a trace context and leaves out one that is malformed: the job matters more.
pub(super) fn lenient_trace<'de, D>(deserializer: D) -> Result<Option<TraceContext>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let headers = Option::<Headers>::deserialize(deserializer)?;
    Ok(headers.and_then(|headers| TraceContext::try_from(headers).ok()))
}

/// Two, 32, 16 and two hexadecimal digits, the ids not zero: <https://www.w3.org/TR/trace-context/#traceparent-header>.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, span, flags] = parts.as_slice() else {
        return false;
    };
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits
            && part
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id =
        |part: &str, digits: usize| is_hex(part, digits) && part.bytes().any(|byte| byte != b'0');
    is_hex(version, 2)
        && *version != "ff"
        && is_id(trace, 32)
        && is_id(span, 16)
        && is_hex(flags, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_context_is_what_the_standard_says() {
        assert_eq!(PARENT.len(), TRACEPARENT_BYTES);
        let trace = TraceContext::new(PARENT, Some("vendor=value".into())).unwrap();
        assert_eq!(
            (trace.traceparent(), trace.tracestate()),
            (PARENT, Some("vendor=value"))
        );
        for bad in [
            "",
            "00-1-2-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(TraceContext::new(bad, None), None, "{bad}");
        }
    }

    #[test]
    fn a_trace_state_out_of_bounds_is_left_out() {
        let state = |text: String| TraceContext::new(PARENT, Some(text)).unwrap().tracestate;
        assert!(state("k".repeat(TRACESTATE_BYTES_MAX)).is_some());
        assert!(state("k".repeat(TRACESTATE_BYTES_MAX + 1)).is_none());
        assert!(state("k=a\nb".into()).is_none());
    }
}
