//! [`Queue`]: the handle an application holds.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::builder::QueueBuilder;
use super::enqueue::{Enqueue, EnqueueReceipt};
use super::error::EnqueueError;
use crate::backend::{
    Backend, BackendError, Cancelled, EventStream, JobView, ListFilter, Page, Records, Requeued,
    Stats,
};
use crate::clock::Clock;
use crate::job::{IdempotencyKey, Job, JobId, State, UnknownPolicy};

/// A queue of the jobs `J`: the handle that handlers enqueue through and workers take from.
///
/// Cheap to clone; all clones share one store.
///
/// ```
/// # use queue::{Queue, SmsJob, WelcomeSms, create_welcome_sms_job};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let queue = Queue::<SmsJob>::open("memory:").await?;
/// let recipient = "0712 345 678".parse()?;
/// let receipt = create_welcome_sms_job(&queue, WelcomeSms { recipient, user_name: "Wanjiru".into() }).await?;
/// assert_eq!(queue.stats().await?.ready, 1);
/// # let _ = receipt;
/// # Ok(())
/// # }
/// ```
pub struct Queue<J: Job> {
    backend: Arc<dyn Backend>,
    settings: Arc<Settings>,
    jobs: PhantomData<fn() -> J>,
}

/// What a queue handle knows besides its store.
pub(crate) struct Settings {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) payload_bytes_max: usize,
    pub(crate) deduplication_window: Duration,
    pub(crate) unknown: Option<UnknownPolicy>,
}

impl<J: Job> Queue<J> {
    /// Opens the store at `url`: `file:PATH` (a folder, made when it is missing), `memory:`, or with feature `nats`
    /// `nats://HOST:PORT`.
    ///
    /// # Errors
    /// [`BackendError`]: the address is unknown, or the store can't be opened; the text says what to do.
    pub async fn open(url: &str) -> Result<Self, BackendError> {
        Self::builder().url(url).open().await
    }

    /// Opens the store that `QUEUE_URL` names; `file:./queue-data` when it is unset. Other variables set the rest: see
    /// [`QueueBuilder::from_env`].
    ///
    /// # Errors
    /// As [`open`](Self::open), and `Misconfigured` when a variable does not hold what it should.
    pub async fn from_env() -> Result<Self, BackendError> {
        Self::builder().from_env()?.open().await
    }

    /// A queue with settings of its own.
    pub fn builder() -> QueueBuilder<J> {
        QueueBuilder::new()
    }

    pub(super) fn from_parts(backend: Arc<dyn Backend>, settings: Settings) -> Self {
        Self {
            backend,
            settings: Arc::new(settings),
            jobs: PhantomData,
        }
    }

    /// A queue of other jobs in the same store, with the same settings.
    pub fn of<K: Job>(&self) -> Queue<K> {
        Queue {
            backend: self.backend.clone(),
            settings: self.settings.clone(),
            jobs: PhantomData,
        }
    }

    /// Prepares `job` for enqueueing; the generated creators call this. Await the result to store it.
    pub fn enqueue(&self, job: J) -> Enqueue<'_, J> {
        Enqueue::new(self, job)
    }

    /// Enqueues many jobs in few writes. The answers are in the order of the jobs.
    ///
    /// Jobs are stored in groups of the backend's batch size, each group whole or not at all; a job that is refused before
    /// it reaches the store does not hold up the others. Every option of a single job is there too: prepare each with
    /// [`enqueue`](Self::enqueue) and its setters.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the groups stored so far.
    pub async fn enqueue_many<'q>(
        &'q self,
        jobs: impl IntoIterator<Item = Enqueue<'q, J>>,
    ) -> Vec<Result<EnqueueReceipt, EnqueueError>> {
        let mut results = Vec::new();
        let mut group = Vec::new();
        let mut places = Vec::new();
        let limit = self.backend.enqueue_batch_max().max(1);
        for job in jobs {
            match job.into_envelope() {
                Ok(envelope) => {
                    places.push(results.len());
                    let id = envelope.id;
                    group.push(envelope);
                    results.push(Ok(EnqueueReceipt::new(J::QUEUE, id, None)));
                }
                Err(error) => results.push(Err(error)),
            }
            if group.len() == limit {
                self.store_group(
                    std::mem::take(&mut group),
                    &std::mem::take(&mut places),
                    &mut results,
                )
                .await;
            }
        }
        if !group.is_empty() {
            self.store_group(group, &places, &mut results).await;
        }
        results
    }

    async fn store_group(
        &self,
        group: Vec<crate::job::Envelope>,
        places: &[usize],
        results: &mut [Result<EnqueueReceipt, EnqueueError>],
    ) {
        let ids: Vec<JobId> = group.iter().map(|envelope| envelope.id).collect();
        match self.backend.enqueue(group).await {
            Ok(answers) => {
                for ((&place, id), answer) in places.iter().zip(ids).zip(&answers) {
                    results[place] = Ok(EnqueueReceipt::new(J::QUEUE, id, Some(answer)));
                }
            }
            Err(error) => {
                let (kind, text) = (error.kind(), error.to_string());
                for &place in places {
                    results[place] = Err(BackendError::new(kind, text.clone()).into());
                }
            }
        }
    }

    /// What is known of a job; `None` when there is none, or it is not kept any more.
    ///
    /// # Errors
    /// [`BackendError`] when the store can't be read.
    pub async fn job(&self, id: JobId) -> Result<Option<JobView>, BackendError> {
        self.backend.job(id).await
    }

    /// The latest job enqueued under an idempotency key.
    ///
    /// # Errors
    /// [`BackendError`] when the store can't be read.
    pub async fn find(&self, key: IdempotencyKey) -> Result<Option<JobView>, BackendError> {
        self.backend.find(J::QUEUE.to_owned(), key).await
    }

    /// A page of this queue's jobs, in the order of enqueue. Begin with [`ListFilter::new`]`(J::QUEUE)`.
    ///
    /// # Errors
    /// [`BackendError`] when the store can't be read.
    pub async fn list(&self, mut filter: ListFilter) -> Result<Page, BackendError> {
        filter.queue = J::QUEUE.to_owned();
        self.backend.list(filter).await
    }

    /// Counts by state; the cost does not grow with the backlog.
    ///
    /// # Errors
    /// [`BackendError`] when the store can't be read.
    pub async fn stats(&self) -> Result<Stats, BackendError> {
        self.backend.stats(J::QUEUE.to_owned()).await
    }

    /// Cancels a job that does not run. After [`Cancelled::Cancelled`] and [`Cancelled::InDoubt`] no attempt begins.
    ///
    /// # Errors
    /// [`BackendError`] when the store refuses.
    pub async fn cancel(&self, id: JobId) -> Result<Cancelled, BackendError> {
        self.backend.cancel(id).await
    }

    /// Brings a dead, unknown or parked job back.
    ///
    /// # Errors
    /// [`BackendError`] when the store refuses.
    pub async fn requeue(&self, id: JobId) -> Result<Requeued, BackendError> {
        self.backend.requeue(id).await
    }

    /// Stops all workers of the queue from taking jobs, across restarts, until [`resume`](Self::resume).
    ///
    /// # Errors
    /// [`BackendError`] when the store refuses.
    pub async fn pause(&self) -> Result<(), BackendError> {
        self.backend.pause(J::QUEUE.to_owned()).await
    }

    /// Ends a [`pause`](Self::pause).
    ///
    /// # Errors
    /// [`BackendError`] when the store refuses.
    pub async fn resume(&self) -> Result<(), BackendError> {
        self.backend.resume(J::QUEUE.to_owned()).await
    }

    /// Deletes this queue's jobs that are in one of `states` and says how many; running jobs are never deleted.
    ///
    /// # Errors
    /// [`BackendError`] when the store refuses.
    pub async fn purge(&self, states: &[State]) -> Result<u64, BackendError> {
        self.backend
            .purge(J::QUEUE.to_owned(), states.to_vec())
            .await
    }

    /// Small durable facts beside the jobs, in the same store: opt-outs, counters, delivery reports.
    pub fn records(&self) -> Arc<dyn Records> {
        self.backend.records()
    }

    /// The events of this process's handles on the store, from now on.
    pub fn subscribe(&self) -> EventStream {
        self.backend.subscribe()
    }

    /// Finishes what was accepted and closes the store. Shut down the workers first.
    ///
    /// # Errors
    /// [`BackendError`] when the last writes fail.
    pub async fn close(&self) -> Result<(), BackendError> {
        self.backend.close().await
    }

    /// The store.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.settings.clock
    }
}

impl<J: Job> Clone for Queue<J> {
    fn clone(&self) -> Self {
        self.of()
    }
}

impl<J: Job> std::fmt::Debug for Queue<J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue")
            .field("name", &J::QUEUE)
            .finish_non_exhaustive()
    }
}
