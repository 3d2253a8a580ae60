//! A small job enum, handlers that do what a test says, and a backend that fails on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use queue::backend::{
    Backend, BackendError, BackendErrorKind, Cancelled, Delivery, Enqueued, EventKind, EventStream,
    JobView, Lease, LeaseRequest, ListFilter, Page, Records, Requeued, Settled, Settlement,
    SqliteBackend, SqliteOptions, Stats,
};
use queue::clock::{Clock, ManualClock};
use queue::job::{DecodeError, EncodeError, Envelope, IdempotencyKey, KindInfo, UnknownPolicy};
use queue::provider::{Message, RenderError};
use queue::worker::{Handler, Outcome, handler_fn};
use queue::{BoxFuture, Job, JobId, Priority, Queue, State};
use tokio::sync::{mpsc, watch};

pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The jobs of these tests: a variant for each thing that a kind can declare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TestJob {
    Plain(u32),
    Urgent(u32),
    Bulk(u32),
    Once(u32),
    Brief(u32),
    Cursed(u32),
}

const fn kind(name: &'static str, priority: Priority, unknown: UnknownPolicy) -> KindInfo {
    KindInfo {
        name,
        version: 1,
        priority,
        max_attempts: 3,
        unknown,
        secret: false,
    }
}

static KINDS: [KindInfo; 6] = [
    kind("plain", Priority::Normal, UnknownPolicy::Retry),
    kind("urgent", Priority::High, UnknownPolicy::Retry),
    kind("bulk", Priority::Low, UnknownPolicy::Retry),
    kind("once", Priority::Normal, UnknownPolicy::Stop),
    kind("brief", Priority::Normal, UnknownPolicy::Retry),
    kind("cursed", Priority::Normal, UnknownPolicy::Retry),
];

/// How long a brief job lives.
pub(super) const BRIEF: Duration = Duration::from_secs(3);

pub(super) struct Nothing;

impl Message for Nothing {
    const CHANNEL: &'static str = "test";
}

impl TestJob {
    pub(super) fn number(&self) -> u32 {
        match self {
            Self::Plain(n)
            | Self::Urgent(n)
            | Self::Bulk(n)
            | Self::Once(n)
            | Self::Brief(n)
            | Self::Cursed(n) => *n,
        }
    }
}

impl Job for TestJob {
    type Message = Nothing;
    const QUEUE: &'static str = "test";
    const KINDS: &'static [KindInfo] = &KINDS;

    fn kind(&self) -> &'static KindInfo {
        match self {
            Self::Plain(_) => &KINDS[0],
            Self::Urgent(_) => &KINDS[1],
            Self::Bulk(_) => &KINDS[2],
            Self::Once(_) => &KINDS[3],
            Self::Brief(_) => &KINDS[4],
            Self::Cursed(_) => &KINDS[5],
        }
    }

    fn expires_after(&self) -> Option<Duration> {
        matches!(self, Self::Brief(_)).then_some(BRIEF)
    }

    fn render(&self) -> Result<Nothing, RenderError> {
        Ok(Nothing)
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let kind = self.kind().name;
        Ok(format!(r#"{{"type":"{kind}","n":{}}}"#, self.number()).into_bytes())
    }

    fn decode(kind: &str, _version: u16, payload: &[u8]) -> Result<Self, DecodeError> {
        let text = std::str::from_utf8(payload).expect("tests store text");
        let number = text
            .rsplit_once(':')
            .and_then(|(_, n)| n.trim_end_matches('}').parse().ok());
        let Some(n) = number else {
            let kind = KINDS
                .iter()
                .find(|info| info.name == kind)
                .expect("a known kind")
                .name;
            return Err(DecodeError::Malformed {
                kind,
                line: 1,
                column: 1,
            });
        };
        match kind {
            "plain" => Ok(Self::Plain(n)),
            "urgent" => Ok(Self::Urgent(n)),
            "bulk" => Ok(Self::Bulk(n)),
            "once" => Ok(Self::Once(n)),
            "brief" => Ok(Self::Brief(n)),
            "cursed" => panic!("a decoder that panics"),
            other => Err(DecodeError::UnknownKind {
                kind: other.to_owned(),
            }),
        }
    }

    fn schema() -> schemars::Schema {
        schemars::Schema::default()
    }
}

/// The same queue as an older version of the program knows it: one kind.
#[derive(Clone, Debug)]
pub(super) struct OldJob;

impl Job for OldJob {
    type Message = Nothing;
    const QUEUE: &'static str = TestJob::QUEUE;
    const KINDS: &'static [KindInfo] = &[kind("plain", Priority::Normal, UnknownPolicy::Retry)];

    fn kind(&self) -> &'static KindInfo {
        &Self::KINDS[0]
    }

    fn expires_after(&self) -> Option<Duration> {
        None
    }

    fn render(&self) -> Result<Nothing, RenderError> {
        Ok(Nothing)
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        Ok(br#"{"type":"plain","n":0}"#.to_vec())
    }

    fn decode(_kind: &str, _version: u16, _payload: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self)
    }

    fn schema() -> schemars::Schema {
        schemars::Schema::default()
    }
}

/// A queue in memory whose time is moved by hand.
pub(super) async fn manual() -> (Queue<TestJob>, ManualClock) {
    let clock = ManualClock::default();
    let queue = Queue::builder().url("memory:").clock(clock.clone());
    (queue.open().await.unwrap(), clock)
}

/// A queue in memory on the machine's clock.
pub(super) async fn real() -> Queue<TestJob> {
    Queue::open("memory:").await.unwrap()
}

/// A queue over a backend that fails on demand.
pub(super) async fn faulty() -> (Queue<TestJob>, Arc<Faulty>, ManualClock) {
    let clock = ManualClock::default();
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let store = SqliteBackend::open(SqliteOptions::in_memory().clock(shared))
        .await
        .unwrap();
    let backend = Arc::new(Faulty::new(store));
    let queue = Queue::builder().clock(clock.clone()).over(backend.clone());
    (queue, backend, clock)
}

/// A handler that completes every job at once.
pub(super) fn completing() -> impl Handler<TestJob> {
    handler_fn(|_: TestJob, _| async { Outcome::Completed(None) })
}

pub(super) async fn enqueue(queue: &Queue<TestJob>, job: TestJob) -> JobId {
    queue.enqueue(job).await.unwrap().job_id
}

pub(super) async fn view(queue: &Queue<TestJob>, id: JobId) -> JobView {
    queue.job(id).await.unwrap().expect("the job is kept")
}

pub(super) async fn state(queue: &Queue<TestJob>, id: JobId) -> State {
    view(queue, id).await.state
}

/// Waits for an event of `kind`.
pub(super) async fn heard(events: &mut EventStream, kind: EventKind) {
    let hear = async {
        while let Some(event) = events.next().await {
            if event.unwrap().name == kind {
                return;
            }
        }
        panic!("the store was closed before {kind:?}");
    };
    tokio::time::timeout(PATIENCE, hear)
        .await
        .unwrap_or_else(|_| panic!("no {kind:?} heard"));
}

/// Waits until `condition` holds.
pub(super) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let poll = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, poll)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

/// Tells a test when something begins, and when it is dropped before its end.
#[derive(Clone)]
pub(super) struct Probe {
    began: mpsc::UnboundedSender<u32>,
    pub(super) dropped: Arc<AtomicUsize>,
}

impl Probe {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<u32>) {
        let (began, begun) = mpsc::unbounded_channel();
        let probe = Self {
            began,
            dropped: Arc::default(),
        };
        (probe, begun)
    }

    pub(super) fn began(&self, job: &TestJob) {
        let _ = self.began.send(job.number());
    }

    /// Never ends.
    pub(super) async fn hang(&self, job: TestJob) -> Outcome {
        let _bomb = Bomb(self.dropped.clone());
        self.began(&job);
        std::future::pending().await
    }
}

/// A handler that tells when a job begins and ends it when the gate is opened.
pub(super) fn gated() -> (
    impl Handler<TestJob>,
    watch::Sender<bool>,
    mpsc::UnboundedReceiver<u32>,
) {
    let (probe, began) = Probe::new();
    let (open, gate) = watch::channel(false);
    let handler = handler_fn(move |job: TestJob, _| {
        let (probe, mut gate) = (probe.clone(), gate.clone());
        async move {
            probe.began(&job);
            let _ = gate.wait_for(|open| *open).await;
            Outcome::Completed(None)
        }
    });
    (handler, open, began)
}

/// A handler that tells when a job begins and never ends it.
pub(super) fn hanging() -> (impl Handler<TestJob>, Probe, mpsc::UnboundedReceiver<u32>) {
    let (probe, began) = Probe::new();
    let hang = probe.clone();
    let handler = handler_fn(move |job, _| {
        let hang = hang.clone();
        async move { hang.hang(job).await }
    });
    (handler, probe, began)
}

struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

pub(super) async fn begun(receiver: &mut mpsc::UnboundedReceiver<u32>) -> u32 {
    let next = tokio::time::timeout(PATIENCE, receiver.recv()).await;
    next.expect("nothing began").expect("the handler is gone")
}

/// A store in memory that fails on demand.
pub(super) struct Faulty {
    inner: SqliteBackend,
    pub(super) lease_failures: AtomicUsize,
    pub(super) settle_failures: AtomicUsize,
    pub(super) settles: AtomicUsize,
    pub(super) extends: AtomicUsize,
    pub(super) leases_are_lost: AtomicBool,
    pub(super) settle_hangs: AtomicBool,
    pub(super) leases_are_late: AtomicUsize,
    pub(super) extend_fails: AtomicBool,
}

impl Faulty {
    fn new(inner: SqliteBackend) -> Self {
        Self {
            inner,
            lease_failures: AtomicUsize::new(0),
            settle_failures: AtomicUsize::new(0),
            settles: AtomicUsize::new(0),
            extends: AtomicUsize::new(0),
            leases_are_lost: AtomicBool::new(false),
            settle_hangs: AtomicBool::new(false),
            leases_are_late: AtomicUsize::new(0),
            extend_fails: AtomicBool::new(false),
        }
    }
}

fn spend(budget: &AtomicUsize) -> bool {
    let spent = budget.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
        left.checked_sub(1)
    });
    spent.is_ok()
}

fn full() -> BackendError {
    BackendError::new(BackendErrorKind::Full, "full, says the test")
}

impl Backend for Faulty {
    fn enqueue(&self, batch: Vec<Envelope>) -> BoxFuture<'_, Result<Vec<Enqueued>, BackendError>> {
        self.inner.enqueue(batch)
    }

    fn lease(&self, request: LeaseRequest) -> BoxFuture<'_, Result<Vec<Delivery>, BackendError>> {
        Box::pin(async move {
            if spend(&self.lease_failures) {
                return Err(full());
            }
            let mut jobs = self.inner.lease(request).await?;
            if !jobs.is_empty() && spend(&self.leases_are_late) {
                for job in &mut jobs {
                    job.lease_until = 0;
                }
            }
            Ok(jobs)
        })
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<Vec<Settled>, BackendError>> {
        Box::pin(async move {
            if self.settle_hangs.load(Ordering::SeqCst) {
                return std::future::pending().await;
            }
            if spend(&self.settle_failures) {
                return Err(full());
            }
            self.settles.fetch_add(batch.len(), Ordering::SeqCst);
            self.inner.settle(batch).await
        })
    }

    fn extend(
        &self,
        batch: Vec<Lease>,
        visibility: Duration,
    ) -> BoxFuture<'_, Result<Vec<bool>, BackendError>> {
        Box::pin(async move {
            if self.extend_fails.load(Ordering::SeqCst) {
                return Err(full());
            }
            let mut held = self.inner.extend(batch, visibility).await?;
            if self.leases_are_lost.load(Ordering::SeqCst) {
                held.fill(false);
            }
            self.extends.fetch_add(1, Ordering::SeqCst);
            Ok(held)
        })
    }

    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobView>, BackendError>> {
        self.inner.job(id)
    }

    fn find(
        &self,
        queue: String,
        key: IdempotencyKey,
    ) -> BoxFuture<'_, Result<Option<JobView>, BackendError>> {
        self.inner.find(queue, key)
    }

    fn list(&self, filter: ListFilter) -> BoxFuture<'_, Result<Page, BackendError>> {
        self.inner.list(filter)
    }

    fn stats(&self, queue: String) -> BoxFuture<'_, Result<Stats, BackendError>> {
        self.inner.stats(queue)
    }

    fn cancel(&self, id: JobId) -> BoxFuture<'_, Result<Cancelled, BackendError>> {
        self.inner.cancel(id)
    }

    fn requeue(&self, id: JobId) -> BoxFuture<'_, Result<Requeued, BackendError>> {
        self.inner.requeue(id)
    }

    fn pause(&self, queue: String) -> BoxFuture<'_, Result<(), BackendError>> {
        self.inner.pause(queue)
    }

    fn resume(&self, queue: String) -> BoxFuture<'_, Result<(), BackendError>> {
        self.inner.resume(queue)
    }

    fn purge(&self, queue: String, states: Vec<State>) -> BoxFuture<'_, Result<u64, BackendError>> {
        self.inner.purge(queue, states)
    }

    fn unpark(
        &self,
        queue: String,
        kinds: &'static [KindInfo],
    ) -> BoxFuture<'_, Result<u64, BackendError>> {
        self.inner.unpark(queue, kinds)
    }

    fn records(&self) -> Arc<dyn Records> {
        self.inner.records()
    }

    fn subscribe(&self) -> EventStream {
        self.inner.subscribe()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), BackendError>> {
        self.inner.close()
    }

    fn enqueue_batch_max(&self) -> usize {
        self.inner.enqueue_batch_max()
    }
}
