//! What the store's records say, and what they prove together with the gateway's log.

use std::collections::{HashMap, HashSet};

use queue::backend::{Event, EventKind, EventStream, JobView, ListFilter};
use queue::{Job, JobId, Queue, SmsJob, State};

use crate::error::Error;
use crate::intake::{DIGEST, Intake};

/// How a reason begins that a crash left behind; the store writes it.
const WORKER_DIED: &str = "its worker died";
/// How many records are asked for at once.
const PAGE: usize = 1000;

/// What the jobs of one file came to.
#[derive(Default)]
pub(crate) struct Records {
    pub(crate) accepted: u64,
    pub(crate) delivered: u64,
    pub(crate) expired: u64,
    pub(crate) unknown: u64,
    pub(crate) retried: u64,
    pub(crate) segments: u64,
    /// Refused by the gateway for good.
    pub(crate) refused: u64,
    /// Neither delivered nor ended with a legal reason, with the key and why; none, if all is well.
    pub(crate) open: Vec<(String, String)>,
    /// Why jobs were refused, by how many.
    pub(crate) refusals: HashMap<String, u64>,
}

/// Every record of the store.
pub(crate) async fn all(queue: &Queue<SmsJob>) -> Result<Vec<JobView>, Error> {
    let mut filter = ListFilter::new(SmsJob::QUEUE);
    filter.limit = PAGE;
    let mut jobs = Vec::new();
    loop {
        let page = queue.list(filter.clone()).await?;
        jobs.extend(page.jobs);
        match page.next {
            Some(next) => filter.after = Some(next),
            None => return Ok(jobs),
        }
    }
}

/// The jobs that were in mid-send when an earlier run died: those that the store found when it was opened, and those it
/// found later, as the events say.
pub(crate) struct Recovered(HashSet<JobId>);

impl Recovered {
    /// Those found at the opening; `since` is before it.
    pub(crate) fn at_opening(jobs: &[JobView], since: queue::clock::Timestamp) -> Self {
        let found = jobs.iter().filter(|job| {
            let died = job.reason.as_deref();
            died.is_some_and(|reason| reason.starts_with(WORKER_DIED))
                && match job.state {
                    State::Ready => job.due_at >= since,
                    _ => job.finished_at.is_some_and(|end| end >= since),
                }
        });
        Self(found.map(|job| job.id).collect())
    }

    /// Adds those that the events tell of.
    pub(crate) async fn add(&mut self, events: &mut EventStream) {
        // Whatever is there is there; `pending` ends it.
        while let Some(Some(event)) = now(events.next()).await {
            if let Ok(Event {
                name: EventKind::Recovered,
                job,
                ..
            }) = event
            {
                self.0.insert(job);
            }
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len() as u64
    }
}

/// The future's value, if it has one already.
async fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        value = future => Some(value),
        () = std::future::ready(()) => None,
    }
}

impl Records {
    /// Counts the jobs that are rows of the file.
    pub(crate) fn of(intake: &Intake, jobs: &[JobView]) -> Self {
        let mut latest: HashMap<&str, &JobView> = HashMap::new();
        for job in jobs {
            let key = job.idempotency_key.as_ref().map(|key| key.as_str());
            // Two runs at once may each have enqueued a row that expired in between.
            if let Some(key) = key.filter(|key| intake.keys.contains(*key)) {
                latest.insert(key, job);
            }
        }
        let mut records = Self::default();
        for (key, job) in latest {
            records.accepted += 1;
            records.retried += u64::from(job.attempt.saturating_sub(1));
            records.count_end(key, job);
        }
        records.open.sort();
        records
    }

    fn count_end(&mut self, key: &str, job: &JobView) {
        let reason = job.reason.as_deref().unwrap_or("no reason was recorded");
        match job.state {
            State::Completed => {
                self.delivered += 1;
                let segments = job.receipt.as_ref().map_or(0, |receipt| receipt.segments);
                self.segments += u64::from(segments);
            }
            State::Expired => self.expired += 1,
            State::Unknown => self.unknown += 1,
            // The gateway's own verdict on this message; other dead jobs only ran out of attempts.
            State::Dead if reason.starts_with("rejected") => {
                self.refused += 1;
                *self.refusals.entry(reason.to_owned()).or_default() += 1;
            }
            State::Dead
            | State::Cancelled
            | State::Scheduled
            | State::Ready
            | State::Running
            | State::Retrying
            | State::Snoozed
            | State::Parked => {
                self.open
                    .push((key.to_owned(), format!("{}: {reason}", job.state)));
            }
        }
    }
}

/// The store's records held against the gateway's log.
pub(crate) struct Proof {
    /// Messages beyond one for each job that was not expired.
    pub(crate) extra_sends: u64,
    /// Jobs recorded as delivered that the gateway knows nothing of.
    pub(crate) never_sent: u64,
}

impl Proof {
    /// All jobs of the store count: two rows may well say the same to the same number.
    pub(crate) fn new(jobs: &[JobView], sends: &HashMap<String, u64>) -> Self {
        let mut allowed: HashMap<&str, (u64, u64)> = HashMap::new();
        for job in jobs {
            if let Some(digest) = job.metadata.get(DIGEST) {
                let (may, must) = allowed.entry(digest).or_default();
                *may += u64::from(job.state != State::Expired);
                *must += u64::from(job.state == State::Completed);
            }
        }
        let mut proof = Self {
            extra_sends: 0,
            never_sent: 0,
        };
        for (digest, (may, must)) in allowed {
            let sent = sends.get(digest).copied().unwrap_or(0);
            proof.extra_sends += sent.saturating_sub(may);
            proof.never_sent += must.saturating_sub(sent);
        }
        proof
    }
}
