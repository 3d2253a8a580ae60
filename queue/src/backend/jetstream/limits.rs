//! The budgets of recipients and tenants: a job over one of them is put off, the next one is looked at.
//!
//! Each budget is a message of the records' stream: its window, and when the jobs come back that wait for it. All budgets that
//! one look needs are written in one batch, on condition that nobody changed them since they were read; only then do the
//! jobs start.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::change::Change;
use super::names::escape;
use super::outgoing::Outgoing;
use super::queue::QueueState;
use super::refusal::Refusal;
use super::settle::{self, Pending};
use super::shared::Shared;
use super::start::Startable;
use crate::backend::rate::{Window, period_ms};
use crate::backend::{BackendError, KeyedLimit, LeaseRequest, LimitScope};
use crate::clock::Timestamp;
use crate::job::{Envelope, State};

/// How many jobs one lease puts off at most, besides four for each job that is asked for.
const PUT_OFF_MIN: usize = 64;
/// How many jobs that wait for one budget are booked; those beyond come back together and are put off anew.
const BOOKED_MAX: usize = 10_000;
/// How often budgets are read anew because another worker wrote them first.
const CONFLICTS_MAX: u32 = 50;
/// A budget that nobody uses is deleted so long after it is empty.
const IDLE_AGE: Duration = Duration::from_secs(60);

/// How many jobs one lease may put off.
pub(super) fn put_off_max(request: &LeaseRequest) -> usize {
    if request.limits.is_empty() {
        0
    } else {
        request.max.saturating_mul(4).saturating_add(PUT_OFF_MIN)
    }
}

/// What the budgets said.
pub(super) struct Admitted {
    /// They may start; their starts are taken.
    pub(super) startable: Vec<Startable>,
    /// How many were put off.
    pub(super) put_off: usize,
}

/// Takes the starts of jobs from all of their budgets; those for whom there is none are put off.
pub(super) async fn admit(
    shared: &Shared,
    queue: &Arc<QueueState>,
    request: &LeaseRequest,
    jobs: Vec<Startable>,
) -> Result<Admitted, BackendError> {
    let limits: Vec<KeyedLimit> = LimitScope::ALL
        .into_iter()
        .filter_map(|scope| request.limits.iter().find(|limit| limit.scope == scope))
        .copied()
        .collect();
    if limits.is_empty() || jobs.is_empty() {
        return Ok(Admitted {
            startable: jobs,
            put_off: 0,
        });
    }
    for tried in 0..CONFLICTS_MAX {
        if tried > 0 {
            let pause = Duration::from_millis(u64::from(tried.min(20)));
            tokio::time::sleep(pause.mul_f64(fastrand::f64())).await;
        }
        let now = shared.clock.now();
        let mut budgets = load(shared, queue, &limits, &jobs, now).await?;
        let decisions: Vec<Option<PutOff>> = jobs
            .iter()
            .map(|job| decide(queue, &limits, &mut budgets, &job.envelope, now))
            .collect();
        let messages: Vec<Outgoing> = budgets
            .iter_mut()
            .filter(|(_, budget)| budget.is_changed)
            .map(|(subject, budget)| budget.message(subject, now))
            .collect();
        let written = match messages.len() {
            0 => Ok(0),
            _ => shared.api.publish_batch(messages.into_iter().map(Ok)).await,
        };
        match written {
            Ok(_) => return put_off(shared, queue, jobs, decisions).await,
            // Where nobody answered it may be written; then the starts are taken twice, which only makes the budget smaller.
            Err(Refusal::Conflict | Refusal::Unheard(_)) => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Err(Refusal::Conflict.into())
}

/// When a job comes back, and why.
struct PutOff {
    at: Timestamp,
    reason: &'static str,
}

/// A budget as it is read, and as it is to be written.
struct Budget {
    limit: KeyedLimit,
    window: Window,
    /// When the jobs come back that wait for it, in milliseconds, in order.
    booked: Vec<u64>,
    sequence: u64,
    is_changed: bool,
}

impl Budget {
    fn decode(limit: KeyedLimit, bytes: &[u8], sequence: u64, now: u64) -> Self {
        let (starts, booked) = bytes
            .split_first_chunk::<4>()
            .and_then(|(length, rest)| rest.split_at_checked(u32::from_le_bytes(*length) as usize))
            .unwrap_or_default();
        let booked = booked
            .as_chunks::<8>()
            .0
            .iter()
            .map(|at| u64::from_le_bytes(*at))
            .filter(|at| *at > now)
            .collect();
        Self {
            limit,
            window: Window::decode(limit.rate, starts),
            booked,
            sequence,
            is_changed: false,
        }
    }

    fn message(&self, subject: &str, now: Timestamp) -> Outgoing {
        let starts = self.window.encode();
        let length = u32::try_from(starts.len()).unwrap_or(u32::MAX);
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(&starts);
        for at in &self.booked {
            bytes.extend_from_slice(&at.to_le_bytes());
        }
        let last = self.booked.last().copied().unwrap_or(0);
        let idle_at = timestamp(self.window.idle_at().max(last));
        Outgoing::new(subject.to_owned(), bytes)
            .expect(self.sequence)
            .ttl(idle_at.since(now) + IDLE_AGE)
    }

    /// The moment of the first start that no other job waits for; it is booked.
    fn book(&mut self, now: u64) -> u64 {
        let free = |others: usize| self.window.free_at(self.limit.rate, others as u64, now);
        // Each of those that come back before it takes a start, and so does each that comes back with it.
        let mut others = 0;
        while self
            .booked
            .get(others)
            .is_some_and(|at| *at <= free(others))
        {
            others += 1;
        }
        let at = free(others);
        if self.booked.len() < BOOKED_MAX {
            let place = self.booked.partition_point(|other| *other <= at);
            self.booked.insert(place, at);
            self.is_changed = true;
        }
        at
    }
}

/// Takes a job's start from its budgets, or books a later one.
fn decide(
    queue: &QueueState,
    limits: &[KeyedLimit],
    budgets: &mut BTreeMap<String, Budget>,
    envelope: &Envelope,
    now: Timestamp,
) -> Option<PutOff> {
    let now_ms = millis(now);
    let mut taken: Vec<String> = Vec::new();
    for limit in limits {
        let Some(subject) = subject(queue, limit, envelope) else {
            continue;
        };
        let Some(budget) = budgets.get_mut(&subject) else {
            continue;
        };
        if budget.window.take(limit.rate, now_ms, 1).is_ok() {
            budget.is_changed = true;
            taken.push(subject);
            continue;
        }
        let at = budget.book(now_ms);
        for subject in taken {
            if let Some(budget) = budgets.get_mut(&subject) {
                let window = &mut budget.window;
                window.give_back(window.newest(), 1);
            }
        }
        return Some(PutOff {
            at: timestamp(at),
            reason: match limit.scope {
                LimitScope::Recipient => "the limit of its recipient is reached",
                LimitScope::Tenant => "the limit of its tenant is reached",
            },
        });
    }
    None
}

/// The budgets that these jobs need.
async fn load(
    shared: &Shared,
    queue: &QueueState,
    limits: &[KeyedLimit],
    jobs: &[Startable],
    now: Timestamp,
) -> Result<BTreeMap<String, Budget>, BackendError> {
    let mut wanted: BTreeMap<String, KeyedLimit> = BTreeMap::new();
    for job in jobs {
        for limit in limits {
            if let Some(subject) = subject(queue, limit, &job.envelope) {
                wanted.insert(subject, *limit);
            }
        }
    }
    let subjects: Vec<String> = wanted.keys().cloned().collect();
    let found = shared
        .api
        .last_of_each(&queue.names.events, &subjects)
        .await?;
    Ok((wanted.into_iter().zip(found))
        .map(|((subject, limit), stored)| {
            let (bytes, sequence) = match &stored {
                Some(stored) => (stored.payload.as_slice(), stored.sequence),
                None => (&[][..], 0),
            };
            (subject, Budget::decode(limit, bytes, sequence, millis(now)))
        })
        .collect())
}

/// Where the budget is kept that a job counts for; none when it does not say for whom it counts.
fn subject(queue: &QueueState, limit: &KeyedLimit, envelope: &Envelope) -> Option<String> {
    let key = match limit.scope {
        LimitScope::Recipient => envelope.recipient.as_ref()?.to_hex(),
        LimitScope::Tenant => escape(envelope.tenant.as_ref()?.as_str()),
    };
    let period = period_ms(limit.rate);
    Some(queue.names.limit(limit.scope, period, &key))
}

/// Writes what was decided: those without a start wait for theirs.
async fn put_off(
    shared: &Shared,
    queue: &Arc<QueueState>,
    jobs: Vec<Startable>,
    decisions: Vec<Option<PutOff>>,
) -> Result<Admitted, BackendError> {
    let (mut startable, mut pending) = (Vec::new(), Vec::new());
    for (job, decision) in jobs.into_iter().zip(decisions) {
        let Some(PutOff { at, reason }) = decision else {
            startable.push(job);
            continue;
        };
        let mut record = job.record;
        record.epoch = job.carried.epoch;
        let change = Change::Postpone {
            state: State::Snoozed,
            at,
            reason: reason.to_owned(),
        };
        let one = Pending::new(queue, &job.envelope, record, change, job.sequence);
        pending.push(one.answering(job.taken.reply));
    }
    let put_off = pending.len();
    for written in settle::apply_all(shared, pending).await {
        written?;
    }
    Ok(Admitted { startable, put_off })
}

fn millis(at: Timestamp) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(0)
}

fn timestamp(millis: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}
