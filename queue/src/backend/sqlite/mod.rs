//! The engine over SQLite: `file:`, durable, for several processes of one machine; `memory:`, the same engine without a file.
//!
//! One thread writes, with natural group commit ([`writer`]); a second one reads beside it. Each operation is a function over
//! a transaction, one file for each.

mod charges;
mod control;
mod enqueue;
mod error;
mod inbox;
mod keys;
mod lease;
mod limits;
mod lock;
mod maintenance;
mod open;
mod options;
mod presence;
mod query;
mod reader;
mod records;
mod recovery;
mod reserve;
mod row;
mod schema;
mod settle;
mod shared;
mod statements;
mod sync;
mod txn;
mod waiting;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

pub use options::{BUSY_TIMEOUT, ENQUEUE_BATCH_MAX, SqliteOptions};
pub use schema::FORMAT_VERSION;

use self::error::{closed, no_thread};
use self::inbox::{Request, Requests};
use self::options::WAITING_JOBS_MAX;
use self::reader::Reader;
use self::records::SqliteRecords;
use self::shared::Shared;
use self::txn::Txn;
use self::writer::Call;
use super::{
    Backend, BackendError, BackendErrorKind, Cancelled, Delivery, Enqueued, EventStream, JobView,
    Lease, LeaseRequest, ListFilter, Page, Records, Requeued, Settled, Settlement, Stats,
};
use crate::future::BoxFuture;
use crate::job::{Envelope, IdempotencyKey, JobId, KindInfo, State};

/// A store in SQLite.
///
/// Dropping the last handle finishes what was accepted and closes the file; [`close`](Backend::close) waits for it.
pub struct SqliteBackend {
    shared: Arc<Shared>,
    requests: Arc<Requests>,
    reader: Option<Arc<Reader>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl SqliteBackend {
    /// Opens the store, or makes it.
    ///
    /// # Errors
    /// `Inaccessible` or `ReadOnly`: the folder can't be made, opened or written; `Corrupt`: the file is not a store;
    /// `NewerFormat`: a newer version made it; `Locked`: another process keeps it locked; `Full`: there is no room.
    pub async fn open(options: SqliteOptions) -> Result<Self, BackendError> {
        // Opening may wait for a lock and reads files, so it runs on a thread of its own, as all of SQLite does here.
        let (answer, opened) = oneshot::channel();
        std::thread::Builder::new()
            .name("queue-open".to_owned())
            .spawn(move || {
                let _ = answer.send(open::open(&options));
            })
            .map_err(no_thread)?;
        opened.await.map_err(|_| closed())?
    }

    /// Runs `work` in the next transaction and waits until it is durable.
    async fn write<T, F>(&self, work: F) -> Result<T, BackendError>
    where
        T: Send + 'static,
        F: FnMut(&mut Txn<'_>) -> Result<T, BackendError> + Send + 'static,
    {
        writer::write(&self.requests, work).await
    }

    fn submit<T, F, R>(&self, work: F, reply: R) -> Result<(), BackendError>
    where
        T: Send + 'static,
        F: FnMut(&mut Txn<'_>) -> Result<T, BackendError> + Send + 'static,
        R: FnOnce(Result<T, BackendError>) + Send + 'static,
    {
        self.requests
            .send(Request::Task(Box::new(Call::new(work, reply))))
            .map_err(|_| closed())
    }

    /// Runs `work` on what is committed, beside the writer; in memory there is only the writer's connection.
    async fn read<T, F>(&self, mut work: F) -> Result<T, BackendError>
    where
        T: Send + 'static,
        F: FnMut(&rusqlite::Connection) -> Result<T, BackendError> + Send + 'static,
    {
        match &self.reader {
            Some(reader) => reader.read(work).await,
            None => self.write(move |txn| work(txn.connection)).await,
        }
    }
}

impl std::fmt::Debug for SqliteBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteBackend").finish_non_exhaustive()
    }
}

impl Backend for SqliteBackend {
    fn enqueue(&self, batch: Vec<Envelope>) -> BoxFuture<'_, Result<Vec<Enqueued>, BackendError>> {
        Box::pin(async move {
            if batch.len() > ENQUEUE_BATCH_MAX {
                return Err(BackendError::new(
                    BackendErrorKind::BatchTooLarge,
                    format!(
                        "{} jobs in one batch, at most {ENQUEUE_BATCH_MAX} are allowed: split it",
                        batch.len()
                    ),
                ));
            }
            let places = u32::try_from(batch.len().min(WAITING_JOBS_MAX)).unwrap_or(u32::MAX);
            let _room = self
                .shared
                .room
                .acquire_many(places)
                .await
                .map_err(|_| closed())?;
            self.write(move |txn| enqueue::enqueue(txn, &batch)).await
        })
    }

    fn lease(&self, request: LeaseRequest) -> BoxFuture<'_, Result<Vec<Delivery>, BackendError>> {
        Box::pin(waiting::lease(self, request))
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<Vec<Settled>, BackendError>> {
        Box::pin(self.write(move |txn| settle::settle(txn, &batch)))
    }

    fn extend(
        &self,
        batch: Vec<Lease>,
        visibility: Duration,
    ) -> BoxFuture<'_, Result<Vec<bool>, BackendError>> {
        Box::pin(self.write(move |txn| lease::extend(txn, &batch, visibility)))
    }

    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobView>, BackendError>> {
        Box::pin(self.read(move |connection| query::job(connection, id)))
    }

    fn find(
        &self,
        queue: String,
        key: IdempotencyKey,
    ) -> BoxFuture<'_, Result<Option<JobView>, BackendError>> {
        Box::pin(self.read(move |connection| query::find(connection, &queue, &key)))
    }

    fn list(&self, filter: ListFilter) -> BoxFuture<'_, Result<Page, BackendError>> {
        Box::pin(self.read(move |connection| query::list(connection, &filter)))
    }

    fn stats(&self, queue: String) -> BoxFuture<'_, Result<Stats, BackendError>> {
        let now = self.shared.clock.now();
        Box::pin(self.read(move |connection| query::stats(connection, &queue, now)))
    }

    fn cancel(&self, id: JobId) -> BoxFuture<'_, Result<Cancelled, BackendError>> {
        Box::pin(self.write(move |txn| control::cancel(txn, id)))
    }

    fn requeue(&self, id: JobId) -> BoxFuture<'_, Result<Requeued, BackendError>> {
        Box::pin(self.write(move |txn| control::requeue(txn, id)))
    }

    fn pause(&self, queue: String) -> BoxFuture<'_, Result<(), BackendError>> {
        Box::pin(self.write(move |txn| control::set_paused(txn, &queue, true)))
    }

    fn resume(&self, queue: String) -> BoxFuture<'_, Result<(), BackendError>> {
        Box::pin(self.write(move |txn| control::set_paused(txn, &queue, false)))
    }

    fn purge(&self, queue: String, states: Vec<State>) -> BoxFuture<'_, Result<u64, BackendError>> {
        Box::pin(async move {
            let mut deleted = 0;
            loop {
                let (queue, states) = (queue.clone(), states.clone());
                match self
                    .write(move |txn| control::purge(txn, &queue, &states))
                    .await?
                {
                    0 => return Ok(deleted),
                    some => deleted += some,
                }
            }
        })
    }

    fn unpark(
        &self,
        queue: String,
        kinds: &'static [KindInfo],
    ) -> BoxFuture<'_, Result<u64, BackendError>> {
        Box::pin(async move {
            let (mut adopted, mut after) = (0, 0);
            loop {
                let queue = queue.clone();
                let step = self
                    .write(move |txn| control::unpark(txn, &queue, kinds, after))
                    .await?;
                adopted += step.adopted;
                match step.next {
                    Some(next) => after = next,
                    None => return Ok(adopted),
                }
            }
        })
    }

    fn records(&self) -> Arc<dyn Records> {
        Arc::new(SqliteRecords {
            shared: self.shared.clone(),
            requests: self.requests.clone(),
            reader: self.reader.clone(),
        })
    }

    fn subscribe(&self) -> EventStream {
        EventStream::new(self.shared.subscribe())
    }

    fn close(&self) -> BoxFuture<'_, Result<(), BackendError>> {
        Box::pin(async move {
            if let Some(reader) = &self.reader {
                reader.stop().await;
            }
            let (reply, done) = oneshot::channel();
            if self.requests.send(Request::Close(reply)).is_ok() {
                // An error means that the writer had ended already.
                let _ = done.await;
            }
            self.shared.close();
            Ok(())
        })
    }

    fn enqueue_batch_max(&self) -> usize {
        ENQUEUE_BATCH_MAX
    }
}

impl Drop for SqliteBackend {
    fn drop(&mut self) {
        // The thread ends by itself when the last way to it is gone, after it has finished what was accepted.
        self.shared.close();
        drop(
            self.writer
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}
