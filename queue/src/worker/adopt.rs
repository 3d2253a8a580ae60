//! [`Adoption`]: makes jobs ready again that an older version of the program could not decode and this one can.

use std::sync::Arc;
use std::time::Duration;

use super::call::{Call, millis};
use super::outage::Outage;
use crate::backend::{Backend, BackendError};
use crate::job::Job;
use crate::telemetry::names;

/// How often a worker looks for parked jobs of the kinds it knows; the first time is its start.
pub const ADOPTION_PERIOD: Duration = Duration::from_secs(10);

/// The looking.
pub(super) struct Adoption {
    pub(super) call: Call<Result<u64, BackendError>>,
    outage: Outage,
    queue: &'static str,
    due: u64,
    looked: bool,
}

impl Adoption {
    pub(super) fn new(queue: &'static str) -> Self {
        Self {
            call: Call::none(),
            outage: Outage::none("unpark", queue),
            queue,
            due: 0,
            looked: false,
        }
    }

    pub(super) fn next_due(&self) -> Option<u64> {
        (!self.call.is_outstanding()).then_some(self.due)
    }

    /// Whether the first look is over, with or without success.
    pub(super) fn has_looked(&self) -> bool {
        self.looked
    }

    pub(super) fn begin<J: Job>(&mut self, backend: &Arc<dyn Backend>, now: u64) {
        if self.due > now || self.call.is_outstanding() {
            return;
        }
        self.due = now.saturating_add(millis(ADOPTION_PERIOD));
        let backend = backend.clone();
        self.call
            .begin(async move { backend.unpark(J::QUEUE.to_owned(), J::KINDS).await });
    }

    pub(super) fn answered(&mut self, answer: Result<u64, BackendError>, now: u64) {
        self.looked = true;
        match answer {
            Ok(adopted) => {
                self.outage.worked();
                if adopted > 0 {
                    tracing::info!(
                        { names::QUEUE } = self.queue,
                        { names::JOBS } = adopted,
                        "parked jobs are ready again: this program can decode them"
                    );
                }
            }
            Err(error) => self.outage.failed(&error, now),
        }
    }
}
