//! [`Subject`]: a backend under test, and short words for what the promises do with it.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::{
    Backend, Delivery, Disposition, Enqueued, JobView, LeaseRequest, ListFilter, Settled,
    Settlement, SqliteBackend, SqliteOptions, Stats,
};
use crate::clock::{Clock, ManualClock};
use crate::future::BoxFuture;
use crate::job::{
    Envelope, Idempotency, IdempotencyKey, JobId, Kind, KindInfo, Priority, State, UnknownPolicy,
};
use crate::retry::BACKOFF_CAP;

/// A check of one promise. It panics when the promise is broken.
pub type Promise = fn(Subject) -> BoxFuture<'static, ()>;

/// The queue that the promises use.
pub(super) const QUEUE: &str = "conformance";

/// The kinds that the promises' workers know.
pub(super) const KINDS: &[KindInfo] = &[KindInfo {
    name: "ping",
    version: 1,
    priority: Priority::Normal,
    max_attempts: 3,
    unknown: UnknownPolicy::Retry,
    secret: false,
}];

/// How long leases hold in the promises.
pub(super) const VISIBILITY: Duration = Duration::from_secs(30);

/// A fresh, empty backend that takes its time from a clock the promises move.
pub struct Subject {
    /// The backend.
    pub backend: Arc<dyn Backend>,
    /// The clock it was opened with.
    pub clock: ManualClock,
    /// What must outlive it, such as a temporary folder or a server.
    pub keep: Box<dyn std::any::Any + Send + Sync>,
}

impl Subject {
    /// The embedded engine in memory.
    ///
    /// # Panics
    /// When it can't be opened.
    pub async fn memory(clock: ManualClock) -> Self {
        let options = SqliteOptions::in_memory().clock(Arc::new(clock.clone()));
        let backend = SqliteBackend::open(options)
            .await
            .expect("a store in memory opens");
        Self {
            backend: Arc::new(backend),
            clock,
            keep: Box::new(()),
        }
    }

    /// The embedded engine in `folder`.
    ///
    /// # Panics
    /// When it can't be opened.
    pub async fn folder(clock: ManualClock, folder: impl Into<std::path::PathBuf>) -> Self {
        let options = SqliteOptions::in_folder(folder).clock(Arc::new(clock.clone()));
        let backend = SqliteBackend::open(options)
            .await
            .expect("a store in a test's folder opens");
        Self {
            backend: Arc::new(backend),
            clock,
            keep: Box::new(()),
        }
    }

    pub(super) fn envelope(&self) -> Envelope {
        let now = self.clock.now();
        Envelope::new(
            QUEUE,
            Kind::from_static("ping"),
            1,
            br#"{"type":"ping","n":1}"#.to_vec(),
            now,
        )
    }

    pub(super) fn keyed(&self, key: &str, window: Duration) -> Envelope {
        let mut envelope = self.envelope();
        let key = IdempotencyKey::new(key).expect("the promises use good keys");
        envelope.idempotency = Some(Idempotency::new(key, window));
        envelope
    }

    pub(super) async fn put(&self, envelope: Envelope) -> Enqueued {
        self.backend
            .enqueue(vec![envelope])
            .await
            .expect("enqueue works")[0]
    }

    /// Enqueues a plain job and says its id.
    pub(super) async fn put_one(&self) -> JobId {
        let envelope = self.envelope();
        let id = envelope.id;
        assert_eq!(self.put(envelope).await, Enqueued::Accepted);
        id
    }

    pub(super) fn request(&self, max: usize) -> LeaseRequest {
        LeaseRequest {
            queue: QUEUE,
            kinds: KINDS,
            max,
            max_by_priority: [max; 4],
            visibility: VISIBILITY,
            wait: Duration::ZERO,
            rate_limit: None,
            limits: Vec::new(),
        }
    }

    pub(super) async fn take(&self, max: usize) -> Vec<Delivery> {
        self.backend
            .lease(self.request(max))
            .await
            .expect("lease works")
    }

    pub(super) async fn take_one(&self) -> Delivery {
        let mut deliveries = self.take(1).await;
        assert_eq!(deliveries.len(), 1, "one job is ready");
        deliveries.remove(0)
    }

    pub(super) async fn end(&self, delivery: &Delivery, disposition: Disposition) -> Settled {
        let settlement = Settlement {
            lease: delivery.lease,
            disposition,
        };
        self.backend
            .settle(vec![settlement])
            .await
            .expect("settle works")[0]
    }

    /// Lets the leases that are held now end, and the time pass that lost attempts wait before the next one.
    pub(super) async fn lose_leases(&self) {
        self.clock.advance(VISIBILITY);
        assert!(
            self.take(1).await.is_empty(),
            "a lost attempt waits for its backoff"
        );
        self.clock.advance(2 * BACKOFF_CAP);
    }

    pub(super) async fn view(&self, id: JobId) -> JobView {
        self.backend
            .job(id)
            .await
            .expect("job works")
            .expect("the job is kept")
    }

    /// The jobs in one state, in the order of enqueue.
    pub(super) async fn list_in(&self, state: State) -> Vec<JobView> {
        let mut filter = ListFilter::new(QUEUE);
        filter.states = vec![state];
        self.backend.list(filter).await.expect("list works").jobs
    }

    pub(super) async fn state(&self, id: JobId) -> State {
        self.view(id).await.state
    }

    pub(super) async fn stats(&self) -> Stats {
        self.backend
            .stats(QUEUE.to_owned())
            .await
            .expect("stats works")
    }
}

pub(super) fn dead() -> Disposition {
    Disposition::Dead {
        reason: "a reason".to_owned(),
    }
}
