//! What passes the seam while a job is enqueued, leased and settled.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::job::{Doubt, Envelope, JobId, KindInfo};
use crate::provider::Receipt;

/// What became of one envelope of an enqueued batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// Stored as a new job.
    Accepted,
    /// Not stored: this job holds the idempotency key.
    Duplicate {
        /// The winner.
        of: JobId,
    },
}

/// What a worker asks for.
#[derive(Clone, Debug)]
pub struct LeaseRequest {
    /// The queue to take from.
    pub queue: &'static str,
    /// The kinds the worker can decode; others are parked.
    pub kinds: &'static [KindInfo],
    /// How many jobs at most, from 1: the worker's free capacity, so that every leased job starts at once.
    pub max: usize,
    /// How many of them at most from each priority, by [`Priority::index`](crate::job::Priority::index): the reserved
    /// capacity.
    pub max_by_priority: [usize; 4],
    /// The visibility timeout: how long the lease is held without being extended.
    pub visibility: Duration,
    /// How long to wait for the first job; zero answers at once.
    pub wait: Duration,
    /// The budget that all workers of the queue share; taken before a job is leased.
    pub rate_limit: Option<RateLimit>,
    /// The budgets of each recipient, each tenant; shared like the queue's, and taken before a job is leased. At most one of
    /// each scope counts: the first.
    pub limits: Vec<KeyedLimit>,
}

/// A budget that each of many has: at most so many starts for one of them.
///
/// Jobs that don't say whom they count for are not limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyedLimit {
    /// Who has the budget.
    pub scope: LimitScope,
    /// How large it is.
    pub rate: RateLimit,
}

/// Who has a budget of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitScope {
    /// Each [`recipient`](crate::job::Envelope::recipient).
    Recipient,
    /// Each [`tenant`](crate::job::Envelope::tenant).
    Tenant,
}

impl LimitScope {
    /// All scopes.
    pub const ALL: [Self; 2] = [Self::Recipient, Self::Tenant];

    /// `recipient` or `tenant`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recipient => "recipient",
            Self::Tenant => "tenant",
        }
    }
}

/// At most `count` starts in each `per`, shared by all workers of a queue.
///
/// After a pause all `count` may come at once; the next ones come when those are `per` old. A backend may keep the starts in
/// slots and let them come a little later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many starts, from 1.
    pub count: u32,
    /// In which time.
    pub per: Duration,
}

/// The exclusive, expiring hold of a worker on a job. Opaque to workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// Counts the leases of this job; a settlement with an older one is refused.
    pub fence: u64,
    /// Where the backend finds the job again.
    pub slot: u64,
}

/// A job under lease: started, its attempt counted.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The job.
    pub envelope: Arc<Envelope>,
    /// The hold on it.
    pub lease: Lease,
    /// The number of this attempt, from 1.
    pub attempt: u16,
    /// An earlier attempt may have had its effect.
    pub doubt: Option<Doubt>,
    /// On the machine's monotonic clock ([`Clock::uptime`](crate::clock::Clock::uptime)): the lease ends then unless it is
    /// extended.
    pub lease_until: u64,
}

impl Delivery {
    /// Whether an earlier attempt may have had its effect.
    pub fn in_doubt(&self) -> bool {
        self.doubt.is_some()
    }
}

/// The outcome of an attempt, for the store.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The hold under which the attempt ran.
    pub lease: Lease,
    /// What becomes of the job.
    pub disposition: Disposition,
}

/// What becomes of a job after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Accepted by the provider.
    Complete(Option<Receipt>),
    /// Again at `at`; the attempt stays counted.
    Retry {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
        /// The attempt may have had its effect. When the deadline passes before the next one, the job is then unknown, not
        /// expired: an expired job was surely never sent.
        in_doubt: bool,
    },
    /// Again at `at`; the attempt is not counted.
    Snooze {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// Given up.
    Dead {
        /// Why.
        reason: String,
    },
    /// Its deadline passed before it was sent.
    Expired,
    /// May have been sent, and must not be sent twice.
    Unknown {
        /// Why nobody knows.
        reason: String,
    },
    /// Can't be decoded; kept with its bytes. The attempt is not counted.
    Park {
        /// Why.
        reason: String,
        /// A newer program may read it: [`unpark`](super::Backend::unpark) brings it back.
        adoptable: bool,
    },
    /// Never began: ready again at once, the attempt is not counted.
    Release,
}

/// What became of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Recorded.
    Recorded,
    /// Refused: the lease had ended and the job belongs to somebody else, or is over.
    LeaseLost,
    /// The store could not record this one, though it recorded others. It may be given again.
    NotRecorded,
}
