//! [`Subject`]: a backend under test, and short words for what the promises do with it.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "nats")]
use super::pace::SteppedClock;
use super::pace::{Pace, REAL_LATENESS, REAL_RETENTION, REAL_VISIBILITY};
use crate::backend::{
    Backend, Delivery, Disposition, Doubt, Enqueued, JobView, LeaseRequest, ListFilter, Retention,
    Settled, Settlement, SqliteBackend, SqliteOptions, Stats,
};
use crate::clock::{Clock, ManualClock, Timestamp};
use crate::future::BoxFuture;
use crate::job::{
    Envelope, Idempotency, IdempotencyKey, JobId, Kind, KindInfo, Priority, State, UnknownPolicy,
};
use crate::retry::{BACKOFF_BASE, BACKOFF_CAP};

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

/// A fresh, empty backend, and the clock it was opened with.
pub struct Subject {
    /// The backend.
    pub backend: Arc<dyn Backend>,
    /// The clock it was opened with, which says how time passes.
    pub clock: Pace,
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
            clock: Pace::Moved(clock),
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
            clock: Pace::Moved(clock),
            keep: Box::new(()),
        }
    }

    /// The distributed engine on a server of its own.
    ///
    /// # Panics
    /// When no server can be started, or the store can't be opened.
    #[cfg(feature = "nats")]
    pub async fn nats(server: crate::testing::nats_server::NatsServer) -> Self {
        use crate::backend::{JetStreamBackend, JetStreamOptions};
        let clock = SteppedClock::default();
        let options = JetStreamOptions::at(server.url())
            .clock(Arc::new(clock.clone()))
            .ack_wait(REAL_VISIBILITY)
            .retention(REAL_RETENTION);
        let backend = JetStreamBackend::open(options)
            .await
            .expect("a store on a test's server opens");
        Self {
            backend: Arc::new(backend),
            clock: Pace::Real(clock),
            keep: Box::new(server),
        }
    }

    /// How long leases hold in the promises.
    pub(super) fn visibility(&self) -> Duration {
        match self.clock {
            Pace::Moved(_) => Duration::from_secs(30),
            Pace::Real(_) => REAL_VISIBILITY,
        }
    }

    /// How long finished jobs are kept.
    pub(super) fn retention(&self) -> Retention {
        match self.clock {
            Pace::Moved(_) => Retention::default(),
            Pace::Real(_) => REAL_RETENTION,
        }
    }

    /// A time of this length where time is moved; a tenth of it where it really passes.
    pub(super) fn span(&self, moved: Duration) -> Duration {
        match self.clock {
            Pace::Moved(_) => moved,
            Pace::Real(_) => moved / 10,
        }
    }

    /// Shortly before `span` is over: so long that what then happens can't have happened yet.
    pub(super) fn before(&self, span: Duration) -> Duration {
        match self.clock {
            Pace::Moved(_) => span - Duration::from_millis(1),
            Pace::Real(_) => span / 4,
        }
    }

    /// Lets `time` pass: moves the clock, or waits that long and for what the server may be late.
    pub(super) async fn pass(&self, time: Duration) {
        match &self.clock {
            Pace::Moved(clock) => clock.advance(time),
            Pace::Real(_) => tokio::time::sleep(time + REAL_LATENESS).await,
        }
    }

    /// Lets a moment of real time pass, and `time` on a moved clock.
    pub(super) async fn tick(&self, time: Duration) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if let Pace::Moved(clock) = &self.clock {
            clock.advance(time);
        }
    }

    /// Lets `time` pass for what the backend decides by its own clock alone, without waiting.
    pub(super) fn skip(&self, time: Duration) {
        match &self.clock {
            Pace::Moved(clock) => clock.advance(time),
            Pace::Real(clock) => clock.step(time),
        }
    }

    /// Steps the wall clock, as a time server does; the monotonic clock does not move.
    pub(super) fn step(&self, time: Duration) {
        match &self.clock {
            Pace::Moved(clock) => clock.step_to(clock.now().saturating_add(time)),
            Pace::Real(clock) => clock.step(time),
        }
    }

    /// Lets a server say what it has to say.
    pub(super) async fn come_to_rest(&self) {
        if let Pace::Real(_) = self.clock {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How long to wait for what comes by itself, a moment later.
    pub(super) fn patience(&self) -> Duration {
        match self.clock {
            Pace::Moved(_) => Duration::ZERO,
            Pace::Real(_) => Duration::from_secs(5),
        }
    }

    /// Whether a time that was measured is what it should be: exactly, where time is moved.
    pub(super) fn is_about(&self, measured: Duration, expected: Duration) -> bool {
        let tolerance = match self.clock {
            Pace::Moved(_) => Duration::ZERO,
            Pace::Real(_) => REAL_LATENESS + Duration::from_millis(600),
        };
        measured.abs_diff(expected) <= tolerance
    }

    /// Whether two moments are the same: exactly, where time is moved.
    pub(super) fn is_same(&self, one: Timestamp, other: Timestamp) -> bool {
        self.is_about(one.since(other).max(other.since(one)), Duration::ZERO)
    }

    /// Whether `doubt` began with this attempt, which started at that moment.
    pub(super) fn began_with(
        &self,
        doubt: Option<Doubt>,
        attempt: u16,
        started_at: Timestamp,
    ) -> bool {
        doubt.is_some_and(|doubt| {
            doubt.attempt == attempt && self.is_same(doubt.started_at, started_at)
        })
    }

    /// Whether `doubt` goes as far as this attempt, which was over at that moment.
    pub(super) fn goes_as_far_as(
        &self,
        doubt: Option<Doubt>,
        attempt: u16,
        ended_at: Timestamp,
    ) -> bool {
        doubt.is_some_and(|doubt| {
            doubt.last_attempt == attempt && self.is_same(doubt.ended_at, ended_at)
        })
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
            visibility: self.visibility(),
            wait: Duration::ZERO,
            rate_limit: None,
            limits: Vec::new(),
        }
    }

    pub(super) async fn take(&self, max: usize) -> Vec<Delivery> {
        self.take_by(self.request(max)).await
    }

    /// Leases until there are as many as asked for, or there is nothing more.
    pub(super) async fn take_by(&self, mut request: LeaseRequest) -> Vec<Delivery> {
        let max = request.max;
        if let Pace::Real(_) = self.clock {
            request.wait = REAL_LATENESS;
        }
        let mut taken = Vec::new();
        loop {
            let more = self.backend.lease(request.clone()).await;
            let more = more.expect("lease works");
            let is_all = more.is_empty() || matches!(self.clock, Pace::Moved(_));
            taken.extend(more);
            if is_all || taken.len() >= max {
                return taken;
            }
            request.max = max - taken.len();
        }
    }

    /// Leases until there are `count` jobs, or waited for long enough.
    pub(super) async fn take_all_of(&self, count: usize) -> Vec<Delivery> {
        let mut taken = self.take(count).await;
        let give_up_at = tokio::time::Instant::now() + self.patience();
        while taken.len() < count && tokio::time::Instant::now() < give_up_at {
            taken.extend(self.take(count - taken.len()).await);
        }
        taken
    }

    pub(super) async fn take_one(&self) -> Delivery {
        let mut request = self.request(1);
        request.wait = self.patience();
        let deliveries = self.backend.lease(request).await;
        let mut deliveries = deliveries.expect("lease works");
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
        self.pass(self.visibility()).await;
        assert!(
            self.take(1).await.is_empty(),
            "a lost attempt waits for its backoff"
        );
        match &self.clock {
            Pace::Moved(clock) => clock.advance(2 * BACKOFF_CAP),
            // The first two delays, with their jitter.
            Pace::Real(_) => tokio::time::sleep(BACKOFF_BASE.mul_f64(2.0 * 1.25)).await,
        }
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

    /// The statistics, once `what` of them is `expected`.
    pub(super) async fn stats_become<T: PartialEq + std::fmt::Debug>(
        &self,
        what: impl Fn(&Stats) -> T,
        expected: T,
    ) -> Stats {
        self.stats_of_become(QUEUE, what, expected).await
    }

    /// The statistics of a queue, once `what` of them is `expected`. Where they are counted by a server, that may take a
    /// moment.
    pub(super) async fn stats_of_become<T: PartialEq + std::fmt::Debug>(
        &self,
        queue: &str,
        what: impl Fn(&Stats) -> T,
        expected: T,
    ) -> Stats {
        let give_up_at = tokio::time::Instant::now() + self.patience();
        loop {
            let stats = self.backend.stats(queue.to_owned()).await;
            let stats = stats.expect("stats works");
            if tokio::time::Instant::now() >= give_up_at {
                assert_eq!(what(&stats), expected);
            }
            if what(&stats) == expected {
                return stats;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

pub(super) fn dead() -> Disposition {
    Disposition::Dead {
        reason: "a reason".to_owned(),
    }
}
