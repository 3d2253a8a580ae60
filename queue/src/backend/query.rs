//! Questions to a backend and their answers. None of them shows a payload.

use std::time::Duration;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::job::{Doubt, IdempotencyKey, JobId, Kind, Metadata, Priority, State, Tenant};
use crate::provider::Receipt;

/// What is known of a job, without its payload.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct JobView {
    /// The job's identity.
    pub id: JobId,
    /// Its queue.
    pub queue: String,
    /// Its kind.
    pub kind: Kind,
    /// The version of its payload's shape.
    pub version: u16,
    /// Where it is in its life.
    pub state: State,
    /// Attempts started so far.
    pub attempt: u16,
    /// Attempts it has in all.
    pub max_attempts: u16,
    /// Its priority.
    pub priority: Priority,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it may start (again).
    pub due_at: Timestamp,
    /// It is never sent from this moment on.
    pub deadline: Option<Timestamp>,
    /// When its last attempt started.
    pub started_at: Option<Timestamp>,
    /// Which attempt may have had its effect, without anybody knowing.
    pub doubt: Option<Doubt>,
    /// When it reached its terminal state.
    pub finished_at: Option<Timestamp>,
    /// The caller's idempotency key.
    pub idempotency_key: Option<IdempotencyKey>,
    /// On whose behalf it is sent.
    pub tenant: Option<Tenant>,
    /// The caller's labels.
    pub metadata: Metadata,
    /// Why it is where it is: the last failure, or why it is dead, unknown or parked.
    pub reason: Option<String>,
    /// What the provider answered.
    pub receipt: Option<Receipt>,
    /// Size of the stored payload in bytes; 0 when it was wiped.
    pub payload_bytes: usize,
}

/// Which jobs to list.
#[derive(Clone, Debug)]
pub struct ListFilter {
    /// Of this queue.
    pub queue: String,
    /// In one of these states; all when empty.
    pub states: Vec<State>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// Of this tenant.
    pub tenant: Option<Tenant>,
    /// How many at most, 1 to 1000; others are clamped.
    pub limit: usize,
    /// Where the previous page ended.
    pub after: Option<Cursor>,
}

impl ListFilter {
    /// All jobs of `queue`, 100 a page.
    pub fn new(queue: impl Into<String>) -> Self {
        Self {
            queue: queue.into(),
            states: Vec::new(),
            kind: None,
            tenant: None,
            limit: 100,
            after: None,
        }
    }
}

/// Where a page ended. Stays valid while jobs come and go; what the number means is the backend's own matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(pub u128);

/// A page of jobs.
#[derive(Clone, Debug)]
pub struct Page {
    /// The jobs.
    pub jobs: Vec<JobView>,
    /// Where the next page begins; `None` on the last one. A page may be short, or empty, and not be the last: a filter
    /// looks at so many jobs in a call and no more.
    pub next: Option<Cursor>,
}

/// A queue in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Jobs that wait for a later moment.
    pub scheduled: u64,
    /// Jobs that may start.
    pub ready: u64,
    /// Jobs that run.
    pub running: u64,
    /// Jobs that wait for their next attempt.
    pub retrying: u64,
    /// Jobs put off without an attempt being charged.
    pub snoozed: u64,
    /// Completed jobs that are still kept.
    pub completed: u64,
    /// Dead jobs that are still kept.
    pub dead: u64,
    /// Expired jobs that are still kept.
    pub expired: u64,
    /// Cancelled jobs that are still kept.
    pub cancelled: u64,
    /// Jobs of unknown outcome that are still kept.
    pub unknown: u64,
    /// Jobs that this program can't decode.
    pub parked: u64,
    /// How long the oldest ready job has waited, in milliseconds; 0 when none is ready.
    pub oldest_ready_ms: u64,
    /// Whether leasing is paused.
    pub paused: bool,
}

impl Stats {
    /// The count of `state`.
    pub fn count(&self, state: State) -> u64 {
        match state {
            State::Scheduled => self.scheduled,
            State::Ready => self.ready,
            State::Running => self.running,
            State::Retrying => self.retrying,
            State::Snoozed => self.snoozed,
            State::Completed => self.completed,
            State::Dead => self.dead,
            State::Expired => self.expired,
            State::Cancelled => self.cancelled,
            State::Unknown => self.unknown,
            State::Parked => self.parked,
        }
    }

    /// Sets the count of `state`; for backends.
    pub fn set(&mut self, state: State, count: u64) {
        let field = match state {
            State::Scheduled => &mut self.scheduled,
            State::Ready => &mut self.ready,
            State::Running => &mut self.running,
            State::Retrying => &mut self.retrying,
            State::Snoozed => &mut self.snoozed,
            State::Completed => &mut self.completed,
            State::Dead => &mut self.dead,
            State::Expired => &mut self.expired,
            State::Cancelled => &mut self.cancelled,
            State::Unknown => &mut self.unknown,
            State::Parked => &mut self.parked,
        };
        *field = count;
    }

    /// Jobs that are not terminal.
    pub fn pending(&self) -> u64 {
        State::ALL
            .into_iter()
            .filter(|state| !state.is_terminal())
            .map(|state| self.count(state))
            .sum()
    }
}

/// What became of a request to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// Cancelled: no attempt begins any more, and none had its effect.
    Cancelled,
    /// No attempt begins any more, but an earlier one may have had its effect: the job is
    /// [unknown](State::Unknown) now, not cancelled, and keeps its idempotency key.
    InDoubt,
    /// Too late: it runs, or it is over.
    TooLate(State),
    /// There is no such job, or it is not kept any more.
    NotFound,
}

/// What became of a request to requeue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requeued {
    /// Ready again.
    Requeued,
    /// Only dead, unknown and parked jobs can be requeued.
    WrongState(State),
    /// Its payload held a secret and was wiped: enqueue a new job.
    Wiped,
    /// Its deadline has passed: it would only expire.
    DeadlinePassed,
    /// Another job holds its idempotency key by now.
    KeyTaken {
        /// That job.
        by: JobId,
    },
    /// There is no such job, or it is not kept any more.
    NotFound,
}

/// How long terminal jobs are kept: by age and by count, whichever ends first.
///
/// What is kept is the record, without the body: completed, expired and cancelled jobs are wiped at once, dead and unknown
/// ones keep their body for a requeue unless their kind is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Completed, expired and cancelled jobs. Default 24 h.
    pub completed_age: Duration,
    /// The most of them in each state. Default 100,000.
    pub completed_count: u64,
    /// Dead and unknown jobs. Default 7 days.
    pub dead_age: Duration,
    /// The most of them in each state. Default 100,000.
    pub dead_count: u64,
}

impl Default for Retention {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            completed_age: DAY,
            completed_count: 100_000,
            dead_age: 7 * DAY,
            dead_count: 100_000,
        }
    }
}
