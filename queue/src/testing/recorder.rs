//! [`Recorder`]: remembers what was enqueued. The public views of a store never show payloads, on purpose; a test may look.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::backend::{
    Backend, BackendError, Cancelled, Delivery, Enqueued, EventStream, JobView, Lease,
    LeaseRequest, ListFilter, Page, Requeued, Settled, Settlement, Stats,
};
use crate::future::BoxFuture;
use crate::job::{Envelope, IdempotencyKey, Job, JobId, Kind, KindInfo, State};

/// A job that was enqueued, as the test's [`TestQueue`](super::TestQueue) recorded it. `Debug` shows no payload.
///
/// Priority, due time, labels and so on are in [`Queue::job`](crate::Queue::job).
#[derive(Clone)]
#[non_exhaustive]
pub struct EnqueuedJob<J> {
    /// The job's identity, as its creator returned it.
    pub id: JobId,
    /// The job.
    pub job: J,
}

impl<J: Job> fmt::Debug for EnqueuedJob<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnqueuedJob")
            .field("id", &self.id)
            .field("kind", &self.job.kind().name)
            .finish_non_exhaustive()
    }
}

/// A store that remembers the envelopes it accepted; duplicates and refused jobs are not among them.
pub(super) struct Recorder {
    inner: Arc<dyn Backend>,
    accepted: Mutex<Vec<Envelope>>,
}

impl Recorder {
    pub(super) fn new(inner: Arc<dyn Backend>) -> Self {
        Self {
            inner,
            accepted: Mutex::default(),
        }
    }

    /// The jobs of one queue, in the order of enqueue; without those that this enum can't decode.
    pub(super) fn jobs<J: Job>(&self) -> Vec<EnqueuedJob<J>> {
        let accepted = self.lock();
        let of_queue = accepted
            .iter()
            .filter(|envelope| envelope.queue == J::QUEUE);
        of_queue
            .filter_map(|envelope| {
                let kind = envelope.kind.as_str();
                let job = J::decode(kind, envelope.version, &envelope.payload).ok()?;
                let id = envelope.id;
                Some(EnqueuedJob { id, job })
            })
            .collect()
    }

    /// The kinds of the jobs of one queue, in the order of enqueue.
    pub(super) fn kinds(&self, queue: &str) -> Vec<Kind> {
        let accepted = self.lock();
        let of_queue = accepted.iter().filter(|envelope| envelope.queue == queue);
        of_queue.map(|envelope| envelope.kind.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Envelope>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for Recorder {
    fn enqueue(&self, batch: Vec<Envelope>) -> BoxFuture<'_, Result<Vec<Enqueued>, BackendError>> {
        Box::pin(async move {
            let answers = self.inner.enqueue(batch.clone()).await?;
            let accepted = batch.into_iter().zip(&answers);
            let accepted = accepted.filter(|(_, answer)| **answer == Enqueued::Accepted);
            self.lock().extend(accepted.map(|(envelope, _)| envelope));
            Ok(answers)
        })
    }

    forward_all_but_enqueue!(inner);
}
