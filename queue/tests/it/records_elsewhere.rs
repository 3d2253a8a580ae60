//! A store whose jobs are in memory and whose records are on a NATS server: what policies and delivery reports keep is held to
//! the same tests on both engines, in moved time, which a server's own schedules can't follow.

use std::sync::Arc;
use std::time::Duration;

use queue::backend::{
    Backend, BackendError, Cancelled, Delivery, Enqueued, EventStream, JetStreamBackend,
    JetStreamOptions, JobView, Lease, LeaseRequest, ListFilter, Page, Records, Requeued, Settled,
    Settlement, SqliteBackend, SqliteOptions, Stats,
};
use queue::clock::ManualClock;
use queue::job::{Envelope, IdempotencyKey, KindInfo};
use queue::testing::nats_server::NatsServer;
use queue::{BoxFuture, JobId, State};

/// Jobs in memory, records on `server`.
pub(crate) struct RecordsElsewhere {
    jobs: Arc<dyn Backend>,
    records: Arc<dyn Backend>,
    server: Arc<NatsServer>,
    clock: ManualClock,
}

impl RecordsElsewhere {
    /// On a server of its own.
    pub(crate) async fn start(clock: &ManualClock) -> Self {
        let options = SqliteOptions::in_memory().clock(Arc::new(clock.clone()));
        let jobs = SqliteBackend::open(options).await.unwrap();
        let server = Arc::new(NatsServer::start().await.unwrap());
        Self {
            jobs: Arc::new(jobs),
            records: connect(&server, clock).await,
            server,
            clock: clock.clone(),
        }
    }

    /// Kills the server and starts it again on the same folder.
    pub(crate) async fn restart_server(&self) {
        self.server.kill().unwrap();
        self.server.restart().await.unwrap();
    }

    /// The same jobs and records, for somebody else with a connection of its own.
    pub(crate) async fn opened_again(&self) -> Self {
        Self {
            jobs: self.jobs.clone(),
            records: connect(&self.server, &self.clock).await,
            server: self.server.clone(),
            clock: self.clock.clone(),
        }
    }
}

async fn connect(server: &NatsServer, clock: &ManualClock) -> Arc<dyn Backend> {
    let options = JetStreamOptions::at(server.url()).clock(Arc::new(clock.clone()));
    Arc::new(JetStreamBackend::open(options).await.unwrap())
}

impl Backend for RecordsElsewhere {
    fn enqueue(&self, batch: Vec<Envelope>) -> BoxFuture<'_, Result<Vec<Enqueued>, BackendError>> {
        self.jobs.enqueue(batch)
    }

    fn lease(&self, request: LeaseRequest) -> BoxFuture<'_, Result<Vec<Delivery>, BackendError>> {
        self.jobs.lease(request)
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<Vec<Settled>, BackendError>> {
        self.jobs.settle(batch)
    }

    fn extend(
        &self,
        batch: Vec<Lease>,
        visibility: Duration,
    ) -> BoxFuture<'_, Result<Vec<bool>, BackendError>> {
        self.jobs.extend(batch, visibility)
    }

    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobView>, BackendError>> {
        self.jobs.job(id)
    }

    fn find(
        &self,
        queue: String,
        key: IdempotencyKey,
    ) -> BoxFuture<'_, Result<Option<JobView>, BackendError>> {
        self.jobs.find(queue, key)
    }

    fn list(&self, filter: ListFilter) -> BoxFuture<'_, Result<Page, BackendError>> {
        self.jobs.list(filter)
    }

    fn stats(&self, queue: String) -> BoxFuture<'_, Result<Stats, BackendError>> {
        self.jobs.stats(queue)
    }

    fn cancel(&self, id: JobId) -> BoxFuture<'_, Result<Cancelled, BackendError>> {
        self.jobs.cancel(id)
    }

    fn requeue(&self, id: JobId) -> BoxFuture<'_, Result<Requeued, BackendError>> {
        self.jobs.requeue(id)
    }

    fn pause(&self, queue: String) -> BoxFuture<'_, Result<(), BackendError>> {
        self.jobs.pause(queue)
    }

    fn resume(&self, queue: String) -> BoxFuture<'_, Result<(), BackendError>> {
        self.jobs.resume(queue)
    }

    fn purge(&self, queue: String, states: Vec<State>) -> BoxFuture<'_, Result<u64, BackendError>> {
        self.jobs.purge(queue, states)
    }

    fn unpark(
        &self,
        queue: String,
        kinds: &'static [KindInfo],
    ) -> BoxFuture<'_, Result<u64, BackendError>> {
        self.jobs.unpark(queue, kinds)
    }

    fn records(&self) -> Arc<dyn Records> {
        self.records.records()
    }

    fn subscribe(&self) -> EventStream {
        self.jobs.subscribe()
    }

    /// Closes the connection; the jobs are others' too.
    fn close(&self) -> BoxFuture<'_, Result<(), BackendError>> {
        self.records.close()
    }

    fn enqueue_batch_max(&self) -> usize {
        self.jobs.enqueue_batch_max()
    }
}
