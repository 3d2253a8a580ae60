//! [`Fetch`]: asks the store for jobs, never for more than can start at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::call::{Call, millis};
use super::capacity::Free;
use super::options::Options;
use super::outage::Outage;
use crate::backend::{Backend, BackendError, Delivery, LeaseRequest, Stats};
use crate::clock::Clock;
use crate::job::Job;
use crate::provider::Capacity;

/// How long one request waits for the first job. Only bounds what a lost wake-up costs; a job wakes the request at once.
pub const LEASE_WAIT: Duration = Duration::from_secs(10);

/// The same while a worker that runs until its queue is empty waits for the jobs of others: their end wakes nobody.
const OTHERS_WAIT: Duration = Duration::from_millis(250);

/// An answer without jobs that comes sooner than this is no wait.
const EMPTY_SOON: Duration = Duration::from_millis(5);
/// After so many of those in a row the backend is not asked for [`EMPTY_HOLD`]: one that does not wait must not keep a
/// processor busy.
const EMPTY_SOON_MAX: u32 = 100;
const EMPTY_HOLD: Duration = Duration::from_millis(50);

/// A question that waits is not withdrawn for one that does not before this time has passed, by the machine's own clock: a store
/// that has jobs is about to answer with them, and would have to take them back.
const ANSWERED_SOON: Duration = Duration::from_millis(20);

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
    asked_in_real_time: Instant,
    /// Resolves when the outstanding question may be withdrawn for a change of how it waits.
    pub(super) asked_long_ago: Call<()>,
    pub(super) call: Call<Result<Fetched, BackendError>>,
    outage: Outage,
    empty_soon: u32,
    waits: bool,
    /// The handler has no capacity for some priority until then.
    opens_at: Option<u64>,
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
            asked_in_real_time: Instant::now(),
            asked_long_ago: Call::none(),
            call: Call::none(),
            outage: Outage::none("lease", queue),
            empty_soon: 0,
            waits: false,
            opens_at: None,
        }
    }

    /// The next moment at which there is something to do that no answer announces.
    pub(super) fn next_due(&self) -> Option<u64> {
        let outage = self.waits.then(|| self.outage.until());
        outage.into_iter().chain(self.opens_at).min()
    }

    /// What of `free` the handler has capacity for at `now`.
    ///
    /// A worker that runs until the queue is empty waits for capacity no longer than [`LEASE_WAIT`]: then it takes the jobs
    /// all the same, so that they are put off and it comes to an end.
    pub(super) fn within(
        &mut self,
        free: Free,
        capacities: [Capacity; 4],
        clock: &dyn Clock,
    ) -> Free {
        let (limited, opens_at) = free.within(capacities);
        let wait = opens_at.map(|at| at.since(clock.now()));
        if self.until_empty && wait.is_some_and(|wait| wait > LEASE_WAIT) {
            self.opens_at = None;
            return free;
        }
        self.opens_at = wait.map(|wait| clock.uptime().saturating_add(millis(wait).max(1)));
        limited
    }

    /// Asks for what `free` allows. An outstanding question for other priorities than are allowed by now is withdrawn
    /// first; jobs that were there already are returned.
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
            if !free.differs(&self.asked) {
                if question == self.question {
                    return None;
                }
                let soon = self.asked_in_real_time + ANSWERED_SOON;
                if Instant::now() < soon {
                    if !self.asked_long_ago.is_outstanding() {
                        self.asked_long_ago.begin(tokio::time::sleep_until(soon));
                    }
                    return None;
                }
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
        self.asked_in_real_time = Instant::now();
        let request = LeaseRequest {
            queue: J::QUEUE,
            kinds: J::KINDS,
            max: free.max,
            max_by_priority: free.max_by_priority,
            visibility: options.visibility,
            wait: match question {
                Question::Wait if self.until_empty && idle => OTHERS_WAIT,
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
        self.opens_at = None;
        self.call.cancel()
    }
}
