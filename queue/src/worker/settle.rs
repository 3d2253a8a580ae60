//! [`Settler`]: records outcomes. Whatever finished while the last batch was written is the next batch.

use std::sync::Arc;

use super::call::Call;
use super::error::may_recover;
use super::outage::Outage;
use super::report::Recorded;
use crate::backend::{Backend, BackendError, Settled, Settlement};
use crate::job::Priority;
use crate::telemetry::names;

/// The pause before outcomes that the store could not record are sent again, in milliseconds. Others wait as long.
const AGAIN_MS: u64 = 100;

/// An outcome that is not recorded yet.
pub(super) struct Unsettled {
    pub(super) settlement: Settlement,
    pub(super) priority: Priority,
    /// On [`Clock::uptime`](crate::clock::Clock::uptime): how long it is worth trying.
    pub(super) lease_until: u64,
}

/// An outcome that is recorded, or never will be.
pub(super) struct Done {
    pub(super) recorded: Recorded,
    pub(super) priority: Priority,
}

/// The outcomes on their way to the store.
pub(super) struct Settler {
    queue: &'static str,
    pending: Vec<Unsettled>,
    in_flight: Vec<Unsettled>,
    pub(super) call: Call<Result<Vec<Settled>, BackendError>>,
    outage: Outage,
}

impl Settler {
    pub(super) fn new(queue: &'static str) -> Self {
        Self {
            queue,
            pending: Vec::new(),
            in_flight: Vec::new(),
            call: Call::none(),
            outage: Outage::none("settle", queue),
        }
    }

    pub(super) fn push(&mut self, unsettled: Unsettled) {
        self.pending.push(unsettled);
    }

    /// The next moment at which there is something to do that no answer announces.
    pub(super) fn next_due(&self) -> Option<u64> {
        (!self.pending.is_empty() && !self.call.is_outstanding()).then(|| self.outage.until())
    }

    /// The outcomes that are not recorded yet, to extend their leases.
    pub(super) fn held(&mut self) -> impl Iterator<Item = &mut Unsettled> {
        self.pending.iter_mut().chain(&mut self.in_flight)
    }

    /// Sends the next batch, if there is one and none is on its way.
    pub(super) fn begin(&mut self, backend: &Arc<dyn Backend>, now: u64) {
        if self.pending.is_empty() || self.call.is_outstanding() || self.outage.until() > now {
            return;
        }
        std::mem::swap(&mut self.pending, &mut self.in_flight);
        let batch = (self.in_flight.iter())
            .map(|unsettled| unsettled.settlement.clone())
            .collect();
        let backend = backend.clone();
        self.call.begin(async move { backend.settle(batch).await });
    }

    /// Takes the answer to the last batch; what is neither recorded nor lost is sent again.
    ///
    /// # Errors
    /// The store failed for good: all outcomes in hand are in `done`, as unrecorded.
    pub(super) fn answered(
        &mut self,
        answer: Result<Vec<Settled>, BackendError>,
        now: u64,
        done: &mut Vec<Done>,
    ) -> Result<(), BackendError> {
        let error = match answer {
            Ok(answers) => {
                self.outage.worked();
                let mut answers = answers.into_iter();
                for unsettled in self.in_flight.drain(..) {
                    // A batch that is answered in part was refused in part: the rest is not ours any more.
                    match answers.next().unwrap_or(Settled::LeaseLost) {
                        Settled::NotRecorded if unsettled.lease_until > now => {
                            self.pending.push(unsettled);
                            self.outage.hold(now.saturating_add(AGAIN_MS));
                        }
                        settled => done.push(record(self.queue, unsettled, settled)),
                    }
                }
                return Ok(());
            }
            Err(error) => error,
        };
        let mut again = std::mem::take(&mut self.in_flight);
        again.append(&mut self.pending);
        if !may_recover(error.kind()) {
            self.pending = again;
            self.give_up(done);
            return Err(error);
        }
        self.outage.failed(&error, now);
        for unsettled in again {
            // Past its lease the store recovers the job by itself, and would refuse this outcome.
            if unsettled.lease_until <= now {
                done.push(unrecorded(self.queue, unsettled));
            } else {
                self.pending.push(unsettled);
            }
        }
        Ok(())
    }

    /// Gives up on everything in hand.
    pub(super) fn give_up(&mut self, done: &mut Vec<Done>) {
        for unsettled in self.in_flight.drain(..).chain(self.pending.drain(..)) {
            done.push(unrecorded(self.queue, unsettled));
        }
    }
}

fn record(queue: &'static str, unsettled: Unsettled, settled: Settled) -> Done {
    let recorded = match settled {
        Settled::Recorded => Recorded::from(&unsettled.settlement.disposition),
        Settled::LeaseLost => {
            tracing::warn!(
                { names::QUEUE } = queue,
                { names::JOB_ID } = %unsettled.settlement.lease.job,
                "the lease was lost before the outcome was recorded; another worker decides on the job"
            );
            Recorded::LeaseLost
        }
        Settled::NotRecorded => return unrecorded(queue, unsettled),
    };
    Done {
        recorded,
        priority: unsettled.priority,
    }
}

fn unrecorded(queue: &'static str, unsettled: Unsettled) -> Done {
    tracing::warn!(
        { names::QUEUE } = queue,
        { names::JOB_ID } = %unsettled.settlement.lease.job,
        { names::OUTCOME } = Recorded::from(&unsettled.settlement.disposition).as_str(),
        "the outcome could not be recorded; the store recovers the job when its lease ends"
    );
    Done {
        recorded: Recorded::Unrecorded,
        priority: unsettled.priority,
    }
}
