//! [`Record`]: what is known of a job once something happened to it. The record is the truth and the fence: every transition
//! after the enqueue is a compare-and-set of it. Its JSON form is in `docs/storage_format.md`.

use serde::{Deserialize, Serialize};

use crate::backend::{BackendError, BackendErrorKind, Doubt, Event, EventKind, JobView};
use crate::clock::Timestamp;
use crate::job::{
    Envelope, Idempotency, JobId, Kind, Metadata, Priority, State, Tenant, UnknownPolicy,
};
use crate::provider::Receipt;

/// The version of the record's shape that this library writes.
pub(super) const RECORD_VERSION: u16 = 1;

/// A job's record, as it is written.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Record {
    v: u16,
    pub(super) id: JobId,
    pub(super) queue: String,
    pub(super) kind: Kind,
    pub(super) version: u16,
    pub(super) state: State,
    /// Attempts charged so far.
    pub(super) attempt: u16,
    pub(super) max_attempts: u16,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) priority: Priority,
    pub(super) created_at: Timestamp,
    pub(super) due_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deadline: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) finished_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) unknown: UnknownPolicy,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) secret: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) idempotency: Option<Idempotency>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tenant: Option<Tenant>,
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub(super) metadata: Metadata,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) receipt: Option<Receipt>,
    pub(super) payload_bytes: usize,
    /// When its last attempt started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) started_at: Option<Timestamp>,
    /// Which attempt may have had its effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) doubt: Option<Doubt>,
    /// Parked, and a newer program may read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) adoptable: bool,
    /// Counts the messages that carried this job: one of an older epoch is left over from a step that was interrupted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) epoch: u32,
    /// While it runs: the work message it runs from.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) slot: u64,
    /// Names the write, so that a writer that lost the answer knows its own record again.
    pub(super) write: String,
}

/// Whether an error says that a record can't be read: one job is at fault then, and not the store.
pub(super) fn is_unreadable(error: &BackendError) -> bool {
    matches!(
        error.kind(),
        BackendErrorKind::Corrupt | BackendErrorKind::NewerFormat
    )
}

/// What says nothing is not written: a record is made, sent and stored twice for each job.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Record {
    /// The record of a job to which nothing happened yet.
    pub(super) fn of(envelope: &Envelope) -> Self {
        Self {
            v: RECORD_VERSION,
            id: envelope.id,
            queue: envelope.queue.clone(),
            kind: envelope.kind.clone(),
            version: envelope.version,
            state: State::Ready,
            attempt: 0,
            max_attempts: envelope.max_attempts,
            priority: envelope.priority,
            created_at: envelope.created_at,
            due_at: envelope.due_at,
            deadline: envelope.deadline,
            finished_at: None,
            unknown: envelope.unknown,
            secret: envelope.secret,
            idempotency: envelope.idempotency.clone(),
            tenant: envelope.tenant.clone(),
            metadata: envelope.metadata.clone(),
            reason: None,
            receipt: None,
            payload_bytes: envelope.payload.len(),
            started_at: None,
            doubt: None,
            adoptable: false,
            epoch: 0,
            slot: 0,
            write: String::new(),
        }
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, BackendError> {
        // Most records are a little smaller.
        let mut bytes = Vec::with_capacity(512);
        serde_json::to_writer(&mut bytes, self).map_err(|error| {
            BackendError::new(BackendErrorKind::Io, "a job's record can't be encoded")
                .caused_by(error)
        })?;
        Ok(bytes)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BackendError> {
        #[derive(Deserialize)]
        struct Version {
            v: u16,
        }
        let damaged = |error: serde_json::Error| {
            // Line and column only: the bytes may hold what nobody may see.
            BackendError::new(
                BackendErrorKind::Corrupt,
                format!("a job's record is damaged at column {}", error.column()),
            )
        };
        let Version { v } = serde_json::from_slice(bytes).map_err(damaged)?;
        if v > RECORD_VERSION {
            return Err(BackendError::new(
                BackendErrorKind::NewerFormat,
                format!(
                    "a record of version {v} was written by a newer version of the library: update this program"
                ),
            ));
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }

    /// The same job, running from message `slot` in its next attempt since `now`.
    pub(super) fn started(mut self, slot: u64, now: Timestamp) -> Self {
        self.state = State::Running;
        self.attempt = self.attempt.saturating_add(1);
        self.started_at = Some(now);
        self.slot = slot;
        self
    }

    /// The same with the attempt given back.
    pub(super) fn uncharged(&self) -> Self {
        Self {
            attempt: self.attempt.saturating_sub(1),
            ..self.clone()
        }
    }

    /// Notes that its last attempt, which is over `now`, may have had its effect. The first and the last such attempt are
    /// remembered.
    pub(super) fn put_in_doubt(&mut self, now: Timestamp) {
        let first = self.doubt.unwrap_or(Doubt {
            attempt: self.attempt,
            started_at: self.started_at.unwrap_or(self.created_at),
            last_attempt: self.attempt,
            ended_at: now,
        });
        self.doubt = Some(Doubt {
            last_attempt: self.attempt,
            ended_at: now,
            ..first
        });
    }

    /// The state a person sees: a job whose waiting time is over is ready.
    pub(super) fn shown_state(&self, now: Timestamp) -> State {
        if self.state.is_waiting() && self.due_at <= now {
            State::Ready
        } else {
            self.state
        }
    }

    pub(super) fn view(&self, now: Timestamp) -> JobView {
        JobView {
            id: self.id,
            queue: self.queue.clone(),
            kind: self.kind.clone(),
            version: self.version,
            state: self.shown_state(now),
            attempt: self.attempt,
            max_attempts: self.max_attempts,
            priority: self.priority,
            created_at: self.created_at,
            due_at: self.due_at,
            deadline: self.deadline,
            started_at: self.started_at,
            doubt: self.doubt,
            finished_at: self.finished_at,
            idempotency_key: self
                .idempotency
                .as_ref()
                .map(|idempotency| idempotency.key.clone()),
            tenant: self.tenant.clone(),
            metadata: self.metadata.clone(),
            reason: self.reason.clone(),
            receipt: self.receipt.clone(),
            payload_bytes: self.payload_bytes,
        }
    }

    pub(super) fn event(&self, name: EventKind, at: Timestamp) -> Event {
        let mut event = Event::new(
            name,
            self.id,
            self.queue.clone(),
            self.kind.clone(),
            self.attempt,
            at,
        );
        event.idempotency_key = self
            .idempotency
            .as_ref()
            .map(|idempotency| idempotency.key.clone());
        event
    }
}
