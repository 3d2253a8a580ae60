//! [`Fetch`]: asks the store for jobs, never for more than can start at once.

use std::sync::Arc;
use std::time::Duration;

use super::call::{Call, millis};
use super::capacity::Free;
use super::options::Options;
use super::outage::Outage;
use crate::backend::{Backend, BackendError, Delivery, LeaseRequest, Stats};
use crate::job::Job;

/// How long one request waits for the first job. Only bounds what a lost wake-up costs; a job wakes the request at once.
pub const LEASE_WAIT: Duration = Duration::from_secs(10);

/// An answer without jobs that comes sooner than this is no wait.
const EMPTY_SOON: Duration = Duration::from_millis(5);
/// After so many of those in a row the backend is not asked for [`EMPTY_HOLD`]: one that does not wait must not keep a
/// processor busy.
const EMPTY_SOON_MAX: u32 = 100;
const EMPTY_HOLD: Duration = Duration::from_millis(50);

/// An answer.
#[derive(Debug)]
pub(super) enum Fetched {
    Jobs(Vec<Delivery>),
    /// There was none, when the queue's statistics were wanted in that case.
    None(Stats),
}

/// How a worker asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// Waits for a job.
    Wait,
    /// Answers at once, with the statistics when there is no job.
    Probe,
}

/// The requests for jobs.
pub(super) struct Fetch {
    until_empty: bool,
    /// The last probe found jobs that this worker can't have yet.
    others: bool,
    question: Question,
    asked: Free,
    asked_at: u64,
    pub(super) call: Call<Result<Fetched, BackendError>>,
    outage: Outage,
    empty_soon: u32,
    waits: bool,
}

impl Fetch {
    pub(super) fn new(until_empty: bool, queue: &'static str) -> Self {
        Self {
            until_empty,
            others: false,
            question: Question::Wait,
            asked: Free {
                max: 0,
                max_by_priority: [0; 4],
            },
            asked_at: 0,
            call: Call::none(),
            outage: Outage::none("lease", queue),
            empty_soon: 0,
            waits: false,
        }
    }

    /// The next moment at which there is something to do that no answer announces.
    pub(super) fn next_due(&self) -> Option<u64> {
        self.waits.then(|| self.outage.until())
    }

    /// Asks for what `free` allows. An outstanding question that left out what is allowed by now is withdrawn first; jobs
    /// that were there already are returned.
    pub(super) fn begin<J: Job>(
        &mut self,
        backend: &Arc<dyn Backend>,
        options: &Options,
        free: Free,
        idle: bool,
        now: u64,
    ) -> Option<Result<Fetched, BackendError>> {
        let question = if self.until_empty && idle && !self.others {
            Question::Probe
        } else {
            Question::Wait
        };
        if self.call.is_outstanding() {
            if !free.opens(&self.asked) && question == self.question {
                return None;
            }
            if let Some(answer) = self.call.cancel() {
                return Some(answer);
            }
        }
        self.waits = !free.is_none() && self.outage.until() > now;
        if free.is_none() || self.waits {
            return None;
        }
        self.question = question;
        self.asked = free;
        self.asked_at = now;
        let request = LeaseRequest {
            queue: J::QUEUE,
            kinds: J::KINDS,
            max: free.max,
            max_by_priority: free.max_by_priority,
            visibility: options.visibility,
            wait: match question {
                Question::Wait => LEASE_WAIT,
                Question::Probe => Duration::ZERO,
            },
            rate_limit: options.rate_limit,
            limits: options.limits(),
        };
        let backend = backend.clone();
        self.call.begin(async move {
            let jobs = backend.lease(request).await?;
            match question {
                Question::Probe if jobs.is_empty() => {
                    let stats = backend.stats(J::QUEUE.to_owned()).await?;
                    Ok(Fetched::None(stats))
                }
                Question::Probe | Question::Wait => Ok(Fetched::Jobs(jobs)),
            }
        });
        None
    }

    /// Notes what an answer says about the next question. Returns whether the queue is empty.
    pub(super) fn answered(&mut self, fetched: &Fetched, now: u64) -> bool {
        self.outage.worked();
        match fetched {
            Fetched::Jobs(jobs) => {
                self.others = false;
                let soon = now < self.asked_at.saturating_add(millis(EMPTY_SOON));
                if !jobs.is_empty() || !soon {
                    self.empty_soon = 0;
                    return false;
                }
                self.empty_soon += 1;
                if self.empty_soon > EMPTY_SOON_MAX {
                    self.outage.hold(now.saturating_add(millis(EMPTY_HOLD)));
                }
                false
            }
            Fetched::None(stats) => {
                self.others = true;
                stats.running == 0 && (stats.ready == 0 || stats.paused)
            }
        }
    }

    pub(super) fn failed(&mut self, error: &BackendError, now: u64) {
        self.outage.failed(error, now);
    }

    /// Withdraws the outstanding question; jobs that were there already are returned.
    pub(super) fn cancel(&mut self) -> Option<Result<Fetched, BackendError>> {
        self.waits = false;
        self.call.cancel()
    }
}
