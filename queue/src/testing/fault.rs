//! [`FaultyBackend`]: a store that fails when a test says so.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::test_queue::in_memory;
use crate::backend::{
    Backend, BackendError, BackendErrorKind, Cancelled, Charge, Charged, Counter, Delivery,
    Enqueued, EventStream, Expect, JobView, Lease, LeaseRequest, ListFilter, Page, Put, Record,
    RecordKey, Records, Requeued, Settled, Settlement, Space, Stats,
};
use crate::clock::{ManualClock, Timestamp};
use crate::future::BoxFuture;
use crate::job::{Envelope, IdempotencyKey, JobId, KindInfo, State};

/// The calls that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreCall {
    /// `enqueue`.
    Enqueue,
    /// `lease`. A worker waits a while after a failed one: move the clock.
    Lease,
    /// `settle`. A worker waits a while after a failed one: move the clock.
    Settle,
    /// `extend`.
    Extend,
    /// `cancel`, `requeue`, `pause`, `resume`, `purge` and `unpark`.
    Control,
    /// `job`, `find`, `list` and `stats`; and of the records, `get` and `list`.
    Read,
    /// What writes to the records: `put`, `remove`, `charge` and `refund`.
    Record,
}

/// What a call meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFault {
    /// Nothing is done, and the answer is an error of this kind.
    Refuse(BackendErrorKind),
    /// It is done, and the answer is an error of this kind all the same: what a failed sync looks like.
    RefuseAfter(BackendErrorKind),
    /// Nothing is done, and there is no answer: a disk that hangs.
    Hang,
}

/// A store around another one that fails when a test says so, and counts calls.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use queue::backend::BackendErrorKind;
/// use queue::clock::ManualClock;
/// use queue::testing::TestQueue;
/// use queue::testing::fault::{FaultyBackend, StoreCall, StoreFault};
/// use queue::{SmsJob, WelcomeSms, create_welcome_sms_job};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clock = ManualClock::default();
/// let store = Arc::new(FaultyBackend::in_memory(&clock).await);
/// let queue = TestQueue::<SmsJob>::over(store.clone(), clock);
/// let welcome = WelcomeSms { recipient: "0712 345 678".parse()?, user_name: "Wanjiru".into() };
///
/// // The next enqueue finds a full disk.
/// store.fail(StoreCall::Enqueue, 1, StoreFault::Refuse(BackendErrorKind::Full));
/// let error = create_welcome_sms_job(&queue, welcome.clone()).await.unwrap_err();
/// assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
/// create_welcome_sms_job(&queue, welcome).await?;
/// # Ok(())
/// # }
/// ```
pub struct FaultyBackend {
    inner: Arc<dyn Backend>,
    script: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    faults: Vec<Planned>,
    /// How many calls there were, by [`StoreCall`].
    counts: [usize; 7],
    disk: Disk,
}

/// A fault and when it comes.
struct Planned {
    call: StoreCall,
    /// The number of the first call that meets it, from 1 since the store was made.
    first: usize,
    /// Later ones meet it too.
    stays: bool,
    fault: StoreFault,
}

/// Whether what is written reaches the disk.
#[derive(Clone, Copy, Default)]
enum Disk {
    #[default]
    Works,
    FailsAfter(usize),
    Failed,
}

impl FaultyBackend {
    /// Around `inner`. Nothing fails yet.
    pub fn new(inner: Arc<dyn Backend>) -> Self {
        Self {
            inner,
            script: Arc::default(),
        }
    }

    /// Around an empty store in memory that reads `clock`.
    ///
    /// # Panics
    /// When there is no memory for it.
    pub async fn in_memory(clock: &ManualClock) -> Self {
        Self::new(in_memory(clock).await)
    }

    /// The `nth` such call from now on meets `fault`; 1 is the next one.
    pub fn fail(&self, call: StoreCall, nth: usize, fault: StoreFault) {
        self.plan(call, nth, false, fault);
    }

    /// The `nth` such call from now on and every later one meets `fault`, until it is [`heal`](Self::heal)ed.
    pub fn fail_from(&self, call: StoreCall, nth: usize, fault: StoreFault) {
        self.plan(call, nth, true, fault);
    }

    /// The sync of the `nth` write from now on fails: that write is done, or not, and answered as
    /// [`Poisoned`](BackendErrorKind::Poisoned); so is every later one, and those are not done. As with a real store, nothing
    /// [`heal`](Self::heal)s it; reading works. Leases are writes too.
    pub fn fail_sync(&self, nth: usize) {
        self.lock().disk = Disk::FailsAfter(nth.max(1) - 1);
    }

    /// Forgets the faults that were planned.
    pub fn heal(&self) {
        self.lock().faults.clear();
    }

    /// How many such calls there were.
    pub fn calls(&self, call: StoreCall) -> usize {
        self.lock().counts[call as usize]
    }

    fn plan(&self, call: StoreCall, nth: usize, stays: bool, fault: StoreFault) {
        let mut script = self.lock();
        let first = script.counts[call as usize] + nth.max(1);
        script.faults.push(Planned {
            call,
            first,
            stays,
            fault,
        });
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        lock(&self.script)
    }

    fn meet<'a, T: Send + 'a>(
        &'a self,
        call: StoreCall,
        make: impl FnOnce(&'a dyn Backend) -> BoxFuture<'a, Result<T, BackendError>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, BackendError>> {
        meet(&self.script, call, || make(&*self.inner))
    }
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a call, or what it meets instead.
fn meet<'a, T: Send + 'a>(
    script: &'a Mutex<Script>,
    call: StoreCall,
    make: impl FnOnce() -> BoxFuture<'a, Result<T, BackendError>> + Send + 'a,
) -> BoxFuture<'a, Result<T, BackendError>> {
    Box::pin(async move {
        let fault = lock(script).next(call);
        match fault {
            None => make().await,
            Some(StoreFault::Refuse(kind)) => Err(error(kind)),
            Some(StoreFault::RefuseAfter(kind)) => {
                make().await?;
                Err(error(kind))
            }
            Some(StoreFault::Hang) => std::future::pending().await,
        }
    })
}

impl Script {
    /// Counts a call and says what it meets.
    fn next(&mut self, call: StoreCall) -> Option<StoreFault> {
        let count = &mut self.counts[call as usize];
        *count += 1;
        let number = *count;
        if call != StoreCall::Read {
            let poisoned = BackendErrorKind::Poisoned;
            match self.disk {
                Disk::Works => {}
                Disk::FailsAfter(0) => {
                    self.disk = Disk::Failed;
                    return Some(StoreFault::RefuseAfter(poisoned));
                }
                Disk::FailsAfter(writes) => self.disk = Disk::FailsAfter(writes - 1),
                Disk::Failed => return Some(StoreFault::Refuse(poisoned)),
            }
        }
        let meets = |planned: &&Planned| {
            planned.call == call
                && (planned.first == number || planned.stays && planned.first < number)
        };
        self.faults.iter().find(meets).map(|planned| planned.fault)
    }
}

fn error(kind: BackendErrorKind) -> BackendError {
    BackendError::new(kind, format!("the test said so: {}", kind.as_str()))
}

impl fmt::Debug for FaultyBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyBackend").finish_non_exhaustive()
    }
}

impl Backend for FaultyBackend {
    fn enqueue(&self, batch: Vec<Envelope>) -> BoxFuture<'_, Result<Vec<Enqueued>, BackendError>> {
        self.meet(StoreCall::Enqueue, |inner| inner.enqueue(batch))
    }

    fn lease(&self, request: LeaseRequest) -> BoxFuture<'_, Result<Vec<Delivery>, BackendError>> {
        self.meet(StoreCall::Lease, |inner| inner.lease(request))
    }

    fn settle(&self, batch: Vec<Settlement>) -> BoxFuture<'_, Result<Vec<Settled>, BackendError>> {
        self.meet(StoreCall::Settle, |inner| inner.settle(batch))
    }

    fn extend(
        &self,
        batch: Vec<Lease>,
        visibility: Duration,
    ) -> BoxFuture<'_, Result<Vec<bool>, BackendError>> {
        self.meet(StoreCall::Extend, move |inner| {
            inner.extend(batch, visibility)
        })
    }

    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobView>, BackendError>> {
        self.meet(StoreCall::Read, move |inner| inner.job(id))
    }

    fn find(
        &self,
        queue: String,
        key: IdempotencyKey,
    ) -> BoxFuture<'_, Result<Option<JobView>, BackendError>> {
        self.meet(StoreCall::Read, |inner| inner.find(queue, key))
    }

    fn list(&self, filter: ListFilter) -> BoxFuture<'_, Result<Page, BackendError>> {
        self.meet(StoreCall::Read, |inner| inner.list(filter))
    }

    fn stats(&self, queue: String) -> BoxFuture<'_, Result<Stats, BackendError>> {
        self.meet(StoreCall::Read, |inner| inner.stats(queue))
    }

    fn cancel(&self, id: JobId) -> BoxFuture<'_, Result<Cancelled, BackendError>> {
        self.meet(StoreCall::Control, move |inner| inner.cancel(id))
    }

    fn requeue(&self, id: JobId) -> BoxFuture<'_, Result<Requeued, BackendError>> {
        self.meet(StoreCall::Control, move |inner| inner.requeue(id))
    }

    fn pause(&self, queue: String) -> BoxFuture<'_, Result<(), BackendError>> {
        self.meet(StoreCall::Control, |inner| inner.pause(queue))
    }

    fn resume(&self, queue: String) -> BoxFuture<'_, Result<(), BackendError>> {
        self.meet(StoreCall::Control, |inner| inner.resume(queue))
    }

    fn purge(&self, queue: String, states: Vec<State>) -> BoxFuture<'_, Result<u64, BackendError>> {
        self.meet(StoreCall::Control, |inner| inner.purge(queue, states))
    }

    fn unpark(
        &self,
        queue: String,
        kinds: &'static [KindInfo],
    ) -> BoxFuture<'_, Result<u64, BackendError>> {
        self.meet(StoreCall::Control, move |inner| inner.unpark(queue, kinds))
    }

    fn records(&self) -> Arc<dyn Records> {
        Arc::new(FaultyRecords {
            inner: self.inner.records(),
            script: self.script.clone(),
        })
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

/// The records of a [`FaultyBackend`]: they meet its faults.
struct FaultyRecords {
    inner: Arc<dyn Records>,
    script: Arc<Mutex<Script>>,
}

impl FaultyRecords {
    fn meet<'a, T: Send + 'a>(
        &'a self,
        call: StoreCall,
        make: impl FnOnce(&'a dyn Records) -> BoxFuture<'a, Result<T, BackendError>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, BackendError>> {
        meet(&self.script, call, || make(&*self.inner))
    }
}

impl Records for FaultyRecords {
    fn get(
        &self,
        space: Space,
        key: RecordKey,
    ) -> BoxFuture<'_, Result<Option<Record>, BackendError>> {
        self.meet(StoreCall::Read, move |inner| inner.get(space, key))
    }

    fn put(
        &self,
        space: Space,
        key: RecordKey,
        value: Vec<u8>,
        expect: Expect,
        expires_at: Option<Timestamp>,
    ) -> BoxFuture<'_, Result<Put, BackendError>> {
        self.meet(StoreCall::Record, move |inner| {
            inner.put(space, key, value, expect, expires_at)
        })
    }

    fn remove(&self, space: Space, key: RecordKey) -> BoxFuture<'_, Result<bool, BackendError>> {
        self.meet(StoreCall::Record, move |inner| inner.remove(space, key))
    }

    fn list(
        &self,
        space: Space,
        after: Option<RecordKey>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(RecordKey, Record)>, BackendError>> {
        self.meet(StoreCall::Read, move |inner| {
            inner.list(space, after, limit)
        })
    }

    fn charge(&self, charge: Charge) -> BoxFuture<'_, Result<Charged, BackendError>> {
        self.meet(StoreCall::Record, |inner| inner.charge(charge))
    }

    fn refund(&self, token: RecordKey) -> BoxFuture<'_, Result<bool, BackendError>> {
        self.meet(StoreCall::Record, |inner| inner.refund(token))
    }

    fn counted(&self, counter: Counter) -> BoxFuture<'_, Result<u64, BackendError>> {
        self.meet(StoreCall::Read, |inner| inner.counted(counter))
    }

    fn counters(
        &self,
        prefix: Counter,
        after: Option<RecordKey>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(RecordKey, u64)>, BackendError>> {
        self.meet(StoreCall::Read, move |inner| {
            inner.counters(prefix, after, limit)
        })
    }
}
