//! [`Starting`]: jobs whose running records are on their way. Only when a record is stored its job is handed out.

use std::sync::Arc;
use std::time::Duration;

use super::arrive::Arrival;
use super::held::Hold;
use super::lane::Taken;
use super::message::Carried;
use super::queue::QueueState;
use super::record::{Record, is_unreadable};
use super::shared::Shared;
use super::writing::Writing;
use crate::backend::{BackendError, Delivery, Lease, LeaseRequest};
use crate::job::Envelope;

/// A job that may start, and the record it starts from.
pub(super) struct Startable {
    pub(super) taken: Taken,
    pub(super) envelope: Envelope,
    pub(super) carried: Carried,
    pub(super) record: Record,
    /// The record's place in its stream; 0 when there is none yet.
    pub(super) sequence: u64,
}

/// Jobs whose running records are on their way.
pub(super) struct Starting<'a> {
    shared: &'a Shared,
    queue: &'a Arc<QueueState>,
    request: &'a LeaseRequest,
    writing: Writing<'a>,
    jobs: Vec<Startable>,
}

impl<'a> Starting<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        queue: &'a Arc<QueueState>,
        request: &'a LeaseRequest,
    ) -> Self {
        Self {
            shared,
            queue,
            request,
            writing: Writing::new(shared, &queue.names),
            jobs: Vec::new(),
        }
    }

    /// Sends the running record of a job.
    pub(super) async fn begin(&mut self, mut job: Startable) {
        let now = self.shared.clock.now();
        job.record = job.record.started(job.taken.slot, now);
        job.record.epoch = job.carried.epoch;
        job.record.write.clear();
        self.writing.write(&mut job.record, job.sequence).await;
        self.jobs.push(job);
    }

    /// Waits for the records. Answers the deliveries, and the messages to look at again: somebody interfered with their jobs.
    ///
    /// # Errors
    /// When nothing was started. Else those that could not be are given back.
    pub(super) async fn finish(self) -> Result<(Vec<Delivery>, Vec<Arrival>), BackendError> {
        let records = self.jobs.iter().map(|job| &job.record);
        let places = self.writing.places(records, Vec::new()).await;
        let (mut deliveries, mut again) = (Vec::with_capacity(places.len()), Vec::new());
        let mut failure = None;
        for (job, place) in self.jobs.into_iter().zip(places) {
            match place {
                Ok(Some(fence)) => {
                    deliveries.push(deliver(self.shared, self.queue, self.request, job, fence));
                }
                Ok(None) => again.push(Arrival::contested(job.taken, job.envelope, job.carried)),
                // Judged with the record that is there, which is left to who can read it.
                Err(error) if is_unreadable(&error) => {
                    again.push(Arrival::contested(job.taken, job.envelope, job.carried));
                }
                Err(error) => {
                    job.taken.give_back(&self.shared.api.client).await;
                    failure = Some(error);
                }
            }
        }
        match failure {
            Some(error) if deliveries.is_empty() && again.is_empty() => Err(error),
            _ => Ok((deliveries, again)),
        }
    }
}

fn deliver(
    shared: &Shared,
    queue: &Arc<QueueState>,
    request: &LeaseRequest,
    job: Startable,
    fence: u64,
) -> Delivery {
    let Startable {
        taken,
        envelope,
        record,
        ..
    } = job;
    // Counted from the arrival: the server began to count a moment before.
    let passed = millis(taken.at.elapsed());
    let arrived = shared.clock.uptime().saturating_sub(passed);
    let lease_until = arrived.saturating_add(millis(request.visibility));
    let lease = Lease {
        job: envelope.id,
        fence,
        slot: taken.slot,
    };
    let (attempt, doubt) = (record.attempt, record.doubt);
    let envelope = Arc::new(envelope);
    shared.held.insert(Hold {
        queue: queue.clone(),
        envelope: envelope.clone(),
        record: Arc::new(record),
        fence,
        reply: Some(taken.reply),
        lease_until,
        kept_until: arrived.saturating_add(millis(queue.ack_wait)),
    });
    Delivery {
        envelope,
        lease,
        attempt,
        doubt,
        lease_until,
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX >> 1)
}
