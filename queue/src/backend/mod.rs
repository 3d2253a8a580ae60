//! Where jobs wait: the seam between the queue and its stores.
//!
//! A backend moves bytes and keeps promises; it knows no job type. Every operation is batch-shaped, every backend passes
//! the same conformance suite (`testing::conformance`).

mod error;
mod event;
#[cfg(feature = "nats")]
mod jetstream;
#[cfg(any(feature = "sqlite", feature = "nats"))]
mod lanes;
mod lease;
mod query;
#[cfg(any(feature = "sqlite", feature = "nats"))]
mod rate;
mod records;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use error::{BackendError, BackendErrorKind};
pub use event::{Event, EventKind, EventStream, Lagged};
#[cfg(feature = "nats")]
pub use jetstream::{
    ACK_WAIT, AGE_MAX, DUPLICATE_WINDOW, Difference, Guarantee, Health, HealthWatch,
    JetStreamBackend, JetStreamOptions, JetStreamOptionsError, JetStreamProblem, MESSAGES_MAX,
    PING_INTERVAL, ProvisionAction, ProvisionPlan, ProvisionStep, Provisioning, RUNNING_MAX,
    SERVER_FLOOR, StreamStorage, SyncInterval, WAIT_FOR_SERVER,
};
#[cfg(any(feature = "sqlite", feature = "nats"))]
pub use lanes::{AGEING_STEP, LANE_SHARES};
pub use lease::{
    Delivery, Disposition, Enqueued, KeyedLimit, Lease, LeaseRequest, LimitScope, RateLimit,
    Settled, Settlement,
};
pub use query::{Cancelled, Cursor, JobView, ListFilter, Page, Requeued, Retention, Stats};
pub use records::{
    CHARGE_AGE, CHARGE_LINES_MAX, Charge, ChargeLine, Charged, Expect, Put, RECORD_BYTES_MAX,
    RECORD_KEY_BYTES_MAX, RECORDS_LISTED_MAX, Record, RecordKey, Records, Space,
};

#[cfg(feature = "sqlite")]
pub use sqlite::{BUSY_TIMEOUT, ENQUEUE_BATCH_MAX, FORMAT_VERSION, SqliteBackend, SqliteOptions};

use std::sync::Arc;
use std::time::Duration;

use crate::future::BoxFuture;
pub use crate::job::Doubt;
use crate::job::{Envelope, IdempotencyKey, JobId, KindInfo, State};

/// A store of jobs.
pub trait Backend: Send + Sync + 'static {
    /// Stores a batch, all of it or nothing; resolves when the backend's durability promise holds.
    ///
    /// The answers are in the order of the batch. A duplicate is not an error: it names the winner.
    ///
    /// # Errors
    /// Any [`BackendErrorKind`]; nothing of the batch is stored then, except that after
    /// [`Poisoned`](BackendErrorKind::Poisoned) it may be.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the batch either stored whole or not at all.
    fn enqueue(&self, batch: Vec<Envelope>) -> BoxFuture<'_, Result<Vec<Enqueued>, BackendError>>;

    /// Takes up to `request.max` jobs that may start now, waiting up to `request.wait` for the first.
    ///
    /// The returned jobs *are started*: their attempt is counted and their lease written before this resolves. Jobs past
    /// their deadline are expired on the way and not returned.
    ///
    /// No job over one of `request.limits` is returned either: it is snoozed until there is room for it, without an attempt
    /// being charged, and the next one is looked at, so that nothing waits behind it. One call puts off at most
    /// 4 × `request.max` + 64 jobs.
    ///
    /// # Cancel safety
    /// Jobs leased while the future is dropped are given back without an attempt being charged.
    fn lease(&self, request: LeaseRequest) -> BoxFuture<'_, Result<Vec<Delivery>, BackendError>>;

    /// Records the outcomes of attempts. The answers are in the order of the batch; a lease that was lost in the meantime is
    /// refused as [`Settled::LeaseLost`] and changes nothing.
    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<Vec<Settled>, BackendError>>;

    /// Extends leases to `visibility` from now. The answers are in the order of the batch: whether the lease is still held.
    fn extend(
        &self,
        batch: Vec<Lease>,
        visibility: Duration,
    ) -> BoxFuture<'_, Result<Vec<bool>, BackendError>>;

    /// One job, as far as it is still kept.
    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobView>, BackendError>>;

    /// The latest job enqueued under an idempotency key, as far as it is still kept.
    fn find(
        &self,
        queue: String,
        key: IdempotencyKey,
    ) -> BoxFuture<'_, Result<Option<JobView>, BackendError>>;

    /// A page of jobs, in the order of enqueue.
    fn list(&self, filter: ListFilter) -> BoxFuture<'_, Result<Page, BackendError>>;

    /// Counts by state and the age of the backlog; the cost does not grow with the backlog.
    fn stats(&self, queue: String) -> BoxFuture<'_, Result<Stats, BackendError>>;

    /// Cancels a job that has not started. After [`Cancelled::Cancelled`] no attempt begins.
    fn cancel(&self, id: JobId) -> BoxFuture<'_, Result<Cancelled, BackendError>>;

    /// Brings a dead, unknown or parked job back, with a fresh count of attempts.
    fn requeue(&self, id: JobId) -> BoxFuture<'_, Result<Requeued, BackendError>>;

    /// Stops leasing from a queue, for every worker and across restarts, until [`resume`](Backend::resume). Jobs that run
    /// go on; enqueueing goes on.
    fn pause(&self, queue: String) -> BoxFuture<'_, Result<(), BackendError>>;

    /// Ends a [`pause`](Backend::pause).
    fn resume(&self, queue: String) -> BoxFuture<'_, Result<(), BackendError>>;

    /// Deletes the jobs of a queue that are in one of `states`, and says how many. Running jobs are never deleted.
    fn purge(&self, queue: String, states: Vec<State>) -> BoxFuture<'_, Result<u64, BackendError>>;

    /// Makes ready again the jobs that were parked because their kind was unknown or newer, for kinds in `kinds`. A worker
    /// calls it when it starts and now and then, so that a new version adopts what an old one could not read.
    fn unpark(
        &self,
        queue: String,
        kinds: &'static [KindInfo],
    ) -> BoxFuture<'_, Result<u64, BackendError>>;

    /// Small durable facts beside the jobs, in the same store. The answer is a handle on the store like any other.
    fn records(&self) -> Arc<dyn Records>;

    /// The events of this handle from now on. Slow readers lose events with a count and slow nobody.
    fn subscribe(&self) -> EventStream;

    /// Finishes what was accepted and closes the store; later calls answer
    /// [`Closed`](BackendErrorKind::Closed).
    fn close(&self) -> BoxFuture<'_, Result<(), BackendError>>;

    /// How many jobs one [`enqueue`](Backend::enqueue) may carry.
    fn enqueue_batch_max(&self) -> usize;
}
