//! [`Event`]: what happened to a job, for any number of observers.

use tokio::sync::broadcast;

use crate::clock::Timestamp;
use crate::job::{IdempotencyKey, JobId, Kind};

/// What happened to a job. Never carries a payload.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// What happened.
    pub name: EventKind,
    /// The job.
    pub job: JobId,
    /// Its queue.
    pub queue: String,
    /// Its kind.
    pub kind: Kind,
    /// The caller's idempotency key.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The attempt it belongs to, from 1; 0 before the first.
    pub attempt: u16,
    /// When.
    pub at: Timestamp,
    /// Why, where there is a reason.
    pub reason: Option<String>,
}

impl Event {
    /// An event without a reason.
    pub fn new(
        name: EventKind,
        job: JobId,
        queue: impl Into<String>,
        kind: Kind,
        attempt: u16,
        at: Timestamp,
    ) -> Self {
        Self {
            name,
            job,
            queue: queue.into(),
            kind,
            idempotency_key: None,
            attempt,
            at,
            reason: None,
        }
    }
}

/// What can happen to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// Stored.
    Enqueued,
    /// An attempt began.
    Started,
    /// The provider accepted it.
    Completed,
    /// An attempt failed; there will be another.
    Retried,
    /// Put off without an attempt being charged.
    Snoozed,
    /// Given up.
    Dead,
    /// Its deadline passed before it was sent.
    Expired,
    /// Cancelled before it started.
    Cancelled,
    /// May have been sent, and must not be sent twice.
    Unknown,
    /// Can't be decoded by this program.
    Parked,
    /// Its worker died or lost its lease while it ran.
    Recovered,
    /// Brought back by a person, or by a program that can decode it.
    Requeued,
}

impl EventKind {
    /// The event's name, such as `completed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enqueued => "enqueued",
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Retried => "retried",
            Self::Snoozed => "snoozed",
            Self::Dead => "dead",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
            Self::Parked => "parked",
            Self::Recovered => "recovered",
            Self::Requeued => "requeued",
        }
    }

    /// The last event of a job's life, unless somebody requeues it.
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Dead | Self::Expired | Self::Cancelled | Self::Unknown
        )
    }
}

/// Events of one handle, in order.
#[derive(Debug)]
pub struct EventStream(broadcast::Receiver<Event>);

impl EventStream {
    /// A stream that reads from `receiver`; for backends.
    pub fn new(receiver: broadcast::Receiver<Event>) -> Self {
        Self(receiver)
    }

    /// The next event; `None` when the store is closed.
    ///
    /// # Errors
    /// [`Lagged`] when this reader was too slow and events were dropped; the next call goes on behind the gap.
    ///
    /// # Cancel safety
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<Result<Event, Lagged>> {
        match self.0.recv().await {
            Ok(event) => Some(Ok(event)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Err(Lagged { missed })),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// The reader was slower than the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{missed} events were dropped because this reader was too slow")]
pub struct Lagged {
    /// How many events it lost.
    pub missed: u64,
}
