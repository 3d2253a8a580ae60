//! [`JetStreamBackend`]: the store.

use std::sync::Arc;
use std::time::Duration;

use super::connection::Connection;
use super::finish::finish;
use super::options::JetStreamOptions;
use super::records::JetStreamRecords;
use super::shared::Shared;
use super::{cancel, enqueue, extend, lease, pause, purge, query, requeue, settle};
use crate::backend::{
    Backend, BackendError, Cancelled, Delivery, Enqueued, EventStream, JobView, Lease,
    LeaseRequest, ListFilter, Page, Records, Requeued, Settled, Settlement, Stats,
};
use crate::future::BoxFuture;
use crate::job::{Envelope, IdempotencyKey, JobId, KindInfo, State};

/// How many jobs one call may carry. The server takes 1,000 messages in a batch (ADR-50), and a job with an idempotency key
/// is two.
pub(super) const ENQUEUE_BATCH_MAX: usize = 500;

/// A store in NATS JetStream.
///
/// Its streams are made when a queue is first used, unless [`Provisioning`](super::Provisioning) says otherwise. Dropping the
/// last handle ends the connection; [`close`](Backend::close) sends first what is on its way.
pub struct JetStreamBackend {
    pub(super) shared: Arc<Shared>,
}

impl JetStreamBackend {
    /// Connects to the servers.
    ///
    /// # Errors
    /// `Unreachable`: no server answered in time; `Unauthorized`: it refuses the credentials, the certificate or a
    /// permission; `ServerTooOld`: it is older than [`SERVER_FLOOR`](super::SERVER_FLOOR); `Misconfigured`: an address or a
    /// setting can't be used, here or on the server.
    pub async fn open(options: JetStreamOptions) -> Result<Self, BackendError> {
        let connection = Connection::open(options).await?;
        let ack_wait = connection.options.ack_wait;
        let shared = Arc::new(Shared::new(connection));
        tokio::spawn(extend::keep_all(Arc::downgrade(&shared), ack_wait));
        Ok(Self { shared })
    }

    /// Makes or checks the streams and consumers of a queue now, instead of when it is first used.
    ///
    /// # Errors
    /// As [`open`](Self::open); `Conflict`: a stream of that name is not ours; `Missing`: it is not there and may not be
    /// made.
    pub async fn prepare(&self, queue: &str) -> Result<(), BackendError> {
        self.shared.queue(queue).await.map(drop)
    }
}

impl std::fmt::Debug for JetStreamBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JetStreamBackend").finish_non_exhaustive()
    }
}

impl Backend for JetStreamBackend {
    fn enqueue(&self, batch: Vec<Envelope>) -> BoxFuture<'_, Result<Vec<Enqueued>, BackendError>> {
        Box::pin(async move {
            self.shared.check_open()?;
            let connection = &self.shared.connection;
            connection.account_room.take(connection, &batch).await?;
            if enqueue::is_one_publish(&self.shared, &batch) {
                // It is sent or not, whoever still waits for it.
                return (enqueue::enqueue(&self.shared, batch).await)
                    .inspect_err(|_| self.shared.connection.check_soon());
            }
            let shared = self.shared.clone();
            // A batch that has begun is finished, whoever still waits for it.
            (finish(&self.shared.orphans, async move {
                enqueue::enqueue(&shared, batch).await
            })
            .await)
                // A look at the account and the streams tells which of them is full, or gone.
                .inspect_err(|_| self.shared.connection.check_soon())
        })
    }

    fn lease(&self, request: LeaseRequest) -> BoxFuture<'_, Result<Vec<Delivery>, BackendError>> {
        Box::pin(lease::lease(&self.shared, request))
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<Vec<Settled>, BackendError>> {
        Box::pin(async move {
            self.shared.check_open()?;
            if batch.is_empty() {
                self.shared.orphans.ended().await;
            }
            let shared = self.shared.clone();
            // It is not left half written.
            finish(&self.shared.orphans, async move {
                settle::settle(&shared, batch).await
            })
            .await
        })
    }

    fn extend(
        &self,
        batch: Vec<Lease>,
        visibility: Duration,
    ) -> BoxFuture<'_, Result<Vec<bool>, BackendError>> {
        Box::pin(extend::extend(&self.shared, batch, visibility))
    }

    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobView>, BackendError>> {
        Box::pin(async move {
            self.shared.check_open()?;
            query::job(&self.shared, id).await
        })
    }

    fn find(
        &self,
        queue: String,
        key: IdempotencyKey,
    ) -> BoxFuture<'_, Result<Option<JobView>, BackendError>> {
        Box::pin(async move { query::find(&self.shared, &queue, &key).await })
    }

    fn list(&self, filter: ListFilter) -> BoxFuture<'_, Result<Page, BackendError>> {
        Box::pin(async move { query::list(&self.shared, &filter).await })
    }

    fn stats(&self, queue: String) -> BoxFuture<'_, Result<Stats, BackendError>> {
        Box::pin(async move { query::stats(&self.shared, &queue).await })
    }

    fn cancel(&self, id: JobId) -> BoxFuture<'_, Result<Cancelled, BackendError>> {
        Box::pin(async move {
            self.shared.check_open()?;
            cancel::cancel(&self.shared, id).await
        })
    }

    fn requeue(&self, id: JobId) -> BoxFuture<'_, Result<Requeued, BackendError>> {
        Box::pin(async move {
            self.shared.check_open()?;
            requeue::requeue(&self.shared, id).await
        })
    }

    fn pause(&self, queue: String) -> BoxFuture<'_, Result<(), BackendError>> {
        Box::pin(async move { pause::set_paused(&self.shared, queue, true).await })
    }

    fn resume(&self, queue: String) -> BoxFuture<'_, Result<(), BackendError>> {
        Box::pin(async move { pause::set_paused(&self.shared, queue, false).await })
    }

    fn purge(&self, queue: String, states: Vec<State>) -> BoxFuture<'_, Result<u64, BackendError>> {
        Box::pin(async move { purge::purge(&self.shared, &queue, &states).await })
    }

    fn unpark(
        &self,
        queue: String,
        kinds: &'static [KindInfo],
    ) -> BoxFuture<'_, Result<u64, BackendError>> {
        Box::pin(async move { requeue::unpark(&self.shared, &queue, kinds).await })
    }

    fn records(&self) -> Arc<dyn Records> {
        Arc::new(JetStreamRecords::new(self.shared.clone()))
    }

    fn subscribe(&self) -> EventStream {
        EventStream::new(self.shared.events.subscribe())
    }

    fn close(&self) -> BoxFuture<'_, Result<(), BackendError>> {
        Box::pin(async move {
            // What callers went away from is given back; without a connection it can't be.
            let ended = self.shared.orphans.ended();
            let _ = tokio::time::timeout(FLUSH_WAIT, ended).await;
            if self.shared.close() {
                let client = &self.shared.api.client;
                // Without a connection there is nothing more to be done: what was not answered is done again by its callers.
                let _ = tokio::time::timeout(FLUSH_WAIT, client.flush()).await;
            }
            Ok(())
        })
    }

    fn enqueue_batch_max(&self) -> usize {
        ENQUEUE_BATCH_MAX
    }
}

/// How long closing waits until what was said is on its way.
const FLUSH_WAIT: Duration = Duration::from_secs(2);
