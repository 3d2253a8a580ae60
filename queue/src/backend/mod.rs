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
    CHARGE_AGE, CHARGE_LINES_MAX, Charge, ChargeLine, Charged, Counter, Expect, Put,
    RECORD_BYTES_MAX, RECORD_KEY_BYTES_MAX, RECORDS_LISTED_MAX, Record, RecordKey, Records, Space,
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
    /// An attempt whose worker died or lost its lease, and which may be repeated, is due again after the delay of
    /// [`Backoff::default`](crate::retry::Backoff), whatever a worker's own backoff is: nobody may be left to ask.
    ///
    /// # Errors
    /// Any [`BackendErrorKind`] but `BatchTooLarge`; no job is started then, except that after
    /// [`Poisoned`](BackendErrorKind::Poisoned) some may be, and are recovered when the store is opened again.
    ///
    /// # Cancel safety
    /// Jobs leased while the future is dropped are given back without an attempt being charged.
    fn lease(&self, request: LeaseRequest) -> BoxFuture<'_, Result<Vec<Delivery>, BackendError>>;

    /// Records the outcomes of attempts. The answers are in the order of the batch; a lease that was lost in the meantime is
    /// refused as [`Settled::LeaseLost`] and changes nothing.
    ///
    /// When an empty batch was answered twice, every lease whose future was dropped before has given back what it took: a
    /// worker that stops waits for this.
    ///
    /// # Errors
    /// Any [`BackendErrorKind`]; nothing of the batch is recorded then, except that after
    /// [`Poisoned`](BackendErrorKind::Poisoned), and where a store on other machines did not answer, it may be. The same batch
    /// may be given again: what is recorded is not recorded twice. A store that records each job for itself answers
    /// [`Settled::NotRecorded`] for those it could not, as long as it could any.
    ///
    /// # Cancel safety
    /// Dropping the future leaves no outcome half recorded: a batch is not begun, or finished without its caller.
    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<Vec<Settled>, BackendError>>;

    /// Extends leases to `visibility` from now. The answers are in the order of the batch: whether the lease is still held.
    ///
    /// # Errors
    /// Any [`BackendErrorKind`]; no lease is extended then, except that after
    /// [`Poisoned`](BackendErrorKind::Poisoned) some may be.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the leases either extended or not.
    fn extend(
        &self,
        batch: Vec<Lease>,
        visibility: Duration,
    ) -> BoxFuture<'_, Result<Vec<bool>, BackendError>>;

    /// One job, as far as it is still kept.
    ///
    /// # Errors
    /// `Closed`, `Locked`, `Io` or `Corrupt`: the store can't be read. The same holds for the other questions, [`find`](Self::find),
    /// [`list`](Self::list) and [`stats`](Self::stats).
    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobView>, BackendError>>;

    /// The latest job enqueued under an idempotency key, as far as it is still kept.
    ///
    /// # Errors
    /// As [`job`](Self::job).
    fn find(
        &self,
        queue: String,
        key: IdempotencyKey,
    ) -> BoxFuture<'_, Result<Option<JobView>, BackendError>>;

    /// A page of jobs, in the order of enqueue.
    ///
    /// One call does a bounded amount of work: with a filter that few jobs fulfil, a page may be short or empty and still
    /// have a [`next`](Page::next).
    ///
    /// # Errors
    /// As [`job`](Self::job).
    fn list(&self, filter: ListFilter) -> BoxFuture<'_, Result<Page, BackendError>>;

    /// Counts by state and the age of the backlog; the cost does not grow with the backlog.
    ///
    /// # Errors
    /// As [`job`](Self::job).
    fn stats(&self, queue: String) -> BoxFuture<'_, Result<Stats, BackendError>>;

    /// Cancels a job that does not run. After [`Cancelled::Cancelled`] and [`Cancelled::InDoubt`] no attempt begins.
    ///
    /// # Errors
    /// Any [`BackendErrorKind`] but `BatchTooLarge`: the job is as it was, except that after
    /// [`Poisoned`](BackendErrorKind::Poisoned) the change may be stored. The same holds for the other repairs:
    /// [`requeue`](Self::requeue), [`pause`](Self::pause), [`resume`](Self::resume), [`purge`](Self::purge) and
    /// [`unpark`](Self::unpark).
    fn cancel(&self, id: JobId) -> BoxFuture<'_, Result<Cancelled, BackendError>>;

    /// Brings a dead, unknown or parked job back, with a fresh count of attempts.
    ///
    /// # Errors
    /// As [`cancel`](Self::cancel).
    fn requeue(&self, id: JobId) -> BoxFuture<'_, Result<Requeued, BackendError>>;

    /// Stops leasing from a queue, for every worker and across restarts, until [`resume`](Backend::resume). Jobs that run
    /// go on; enqueueing goes on.
    ///
    /// # Errors
    /// As [`cancel`](Self::cancel).
    fn pause(&self, queue: String) -> BoxFuture<'_, Result<(), BackendError>>;

    /// Ends a [`pause`](Backend::pause).
    ///
    /// # Errors
    /// As [`cancel`](Self::cancel).
    fn resume(&self, queue: String) -> BoxFuture<'_, Result<(), BackendError>>;

    /// Deletes the jobs of a queue that are in one of `states`, and says how many. Running jobs are never deleted.
    ///
    /// # Errors
    /// As [`cancel`](Self::cancel); what was deleted before stays deleted.
    ///
    /// # Cancel safety
    /// Jobs are deleted some thousands at a time; dropping the future leaves the rest.
    fn purge(&self, queue: String, states: Vec<State>) -> BoxFuture<'_, Result<u64, BackendError>>;

    /// Makes ready again the jobs that were parked because their kind was unknown or newer, for kinds in `kinds`. A worker
    /// calls it when it starts and now and then, so that a new version adopts what an old one could not read.
    ///
    /// # Errors
    /// As [`cancel`](Self::cancel); what was adopted before stays adopted.
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
    ///
    /// # Errors
    /// The store's own; one that is closed already, or poisoned, closes without one.
    fn close(&self) -> BoxFuture<'_, Result<(), BackendError>>;

    /// How many jobs one [`enqueue`](Backend::enqueue) may carry.
    fn enqueue_batch_max(&self) -> usize;
}
