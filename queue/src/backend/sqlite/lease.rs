//! Taking jobs: choose, mark, return. The mark is the durable record that the job was started.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rusqlite::params;

use super::limits::{Admission, Budgets};
use super::maintenance;
use super::row::{ENVELOPE_COLUMNS, Hold, envelope};
use super::settle::{self, Row};
use super::txn::{QueueId, Txn};
use crate::backend::rate::Windows;
use crate::backend::{BackendError, Delivery, EventKind, Lease, LeaseRequest};
use crate::clock::Timestamp;
use crate::job::{Envelope, Priority, State};

/// What a look for work found.
pub(super) struct Found {
    pub(super) deliveries: Vec<Delivery>,
    /// When nothing was found: how long until there may be something, as far as the store knows.
    pub(super) look_again: Option<Duration>,
}

/// Takes up to `request.max` jobs that may start now.
pub(super) fn lease(txn: &mut Txn<'_>, request: &LeaseRequest) -> Result<Found, BackendError> {
    let Some(queue) = txn.find_queue(request.queue)? else {
        return Ok(Found {
            deliveries: Vec::new(),
            look_again: None,
        });
    };
    maintenance::refresh(txn, queue)?;
    if is_paused(txn, queue)? {
        return Ok(Found {
            deliveries: Vec::new(),
            look_again: None,
        });
    }
    let (budget, wait) = take_budget(txn, queue, request)?;
    let (deliveries, set_aside) = take(txn, queue, request, budget)?;
    give_back(txn, queue, request, budget - deliveries.len())?;
    let look_again = if deliveries.is_empty() && set_aside {
        // Behind what was parked or expired there may be more.
        Some(Duration::ZERO)
    } else if deliveries.is_empty() {
        earliest(wait, next_change(txn, queue)?)
    } else {
        None
    };
    // Whoever waits beside us goes on where we stopped.
    if deliveries.len() == budget && budget > 0 {
        txn.wake(queue);
    }
    Ok(Found {
        deliveries,
        look_again,
    })
}

/// The jobs taken, and whether others were set aside on the way.
fn take(
    txn: &mut Txn<'_>,
    queue: QueueId,
    request: &LeaseRequest,
    budget: usize,
) -> Result<(Vec<Delivery>, bool), BackendError> {
    let mut set_aside = false;
    let mut deliveries = Vec::with_capacity(budget.min(64));
    let mut caps = request.max_by_priority;
    let mut limits = Budgets::new(queue, request);
    let mut lanes = txn.memory.lanes.remove(&queue).unwrap_or_default();
    let mut put_off = true;
    // Behind those that were put off there may be others.
    while put_off && deliveries.len() < budget {
        put_off = false;
        let wanted = budget - deliveries.len() + limits.spare();
        let mut heads = Heads::load(txn, queue, caps, wanted, limits.spare())?;
        while deliveries.len() < budget {
            let Some(priority) = lanes.pick(heads.waits(txn.now, caps)) else {
                break;
            };
            let Some(seq) = heads.pop(priority) else {
                break;
            };
            match limits.admit(txn, seq)? {
                Admission::Admitted => {}
                Admission::PutOff => {
                    put_off = true;
                    continue;
                }
                Admission::Enough => {
                    set_aside = true;
                    put_off = false;
                    break;
                }
            }
            match start(txn, queue, request, seq)? {
                Some(delivery) => {
                    caps[priority.index()] -= 1;
                    deliveries.push(delivery);
                }
                None => {
                    set_aside = true;
                    limits.give_back();
                }
            }
        }
    }
    limits.store(txn)?;
    txn.memory.lanes.insert(queue, lanes);
    Ok((deliveries, set_aside))
}

/// The ready jobs that come first in each lane, as many as may be needed.
struct Heads {
    lanes: [VecDeque<(i64, Timestamp)>; 4],
}

impl Heads {
    fn load(
        txn: &Txn<'_>,
        queue: QueueId,
        caps: [usize; 4],
        wanted: usize,
        spare: usize,
    ) -> Result<Self, BackendError> {
        let mut lanes = [const { VecDeque::new() }; 4];
        for priority in Priority::ALL {
            let cap = caps[priority.index()];
            if cap == 0 || wanted == 0 {
                continue;
            }
            let limit = wanted.min(cap.saturating_add(spare));
            lanes[priority.index()] = txn.with(
                "SELECT seq, due_at FROM queue_jobs WHERE queue = ?1 AND priority = ?2 AND state = 1
                 ORDER BY due_at, seq LIMIT ?3",
                |statement| {
                    statement
                        .query_map(
                            params![queue, priority.index() as i64, limit as i64],
                            |row| Ok((row.get(0)?, row.get(1)?)),
                        )?
                        .collect()
                },
            )?;
        }
        Ok(Self { lanes })
    }

    fn waits(&self, now: Timestamp, caps: [usize; 4]) -> [Option<Duration>; 4] {
        std::array::from_fn(|lane| {
            self.lanes[lane]
                .front()
                .filter(|_| caps[lane] > 0)
                .map(|(_, due_at)| now.since(*due_at))
        })
    }

    fn pop(&mut self, priority: Priority) -> Option<i64> {
        self.lanes[priority.index()].pop_front().map(|(seq, _)| seq)
    }
}

/// Marks a job as started; `None` when it turned out to be expired, or of a kind the worker can't decode.
fn start(
    txn: &mut Txn<'_>,
    queue: QueueId,
    request: &LeaseRequest,
    seq: i64,
) -> Result<Option<Delivery>, BackendError> {
    let lease_until = txn.uptime.saturating_add(millis(request.visibility));
    // Read, then write: RETURNING would do both at once, but SQLite makes a temporary table for its answer each time.
    let (envelope, mut hold) = txn.with(&FIND, |statement| {
        statement.query_row([seq], |row| envelope(request.queue, row))
    })?;
    hold.attempt = hold.attempt.saturating_add(1);
    hold.fence += 1;
    txn.execute(
        "UPDATE queue_jobs SET state = 2, attempt = ?2, fence = ?3, lease_until = ?4, worker = ?5,
             started_at = ?6 WHERE seq = ?1",
        params![
            seq,
            hold.attempt,
            hold.fence,
            lease_until as i64,
            txn.worker,
            txn.now
        ],
    )?;
    txn.count(queue, Some(State::Ready), Some(State::Running));
    let row = running(queue, &envelope, &hold);
    if envelope.is_expired(txn.now) {
        settle::expire(txn, &row.uncharged())?;
        return Ok(None);
    }
    let known = request
        .kinds
        .iter()
        .find(|kind| kind.name == envelope.kind.as_str());
    if known.is_none_or(|kind| kind.version < envelope.version) {
        let reason = match known {
            None => "its kind is unknown to the worker that found it",
            Some(_) => "its payload is of a newer version than the worker that found it knows",
        };
        settle::park(txn, &row.uncharged(), reason, true)?;
        return Ok(None);
    }
    txn.event(EventKind::Started, &row.subject(), None)?;
    let lease = Lease {
        job: envelope.id,
        fence: hold.fence as u64,
        slot: hold.seq as u64,
    };
    Ok(Some(Delivery {
        envelope: Arc::new(envelope),
        lease,
        attempt: hold.attempt,
        doubt: hold.doubt,
        lease_until,
    }))
}

static FIND: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {ENVELOPE_COLUMNS} FROM queue_jobs WHERE seq = ?1"));

fn running(queue: QueueId, envelope: &Envelope, hold: &Hold) -> Row {
    Row {
        seq: hold.seq,
        id: envelope.id,
        queue,
        state: State::Running,
        attempt: hold.attempt,
        kind: envelope.kind.as_str().to_owned(),
        key: envelope
            .idempotency
            .as_ref()
            .map(|idempotency| idempotency.key.as_str().to_owned()),
        secret: envelope.secret,
        in_doubt: hold.in_doubt,
    }
}

/// How many jobs may start within the shared rate; when none may, how long to wait.
fn take_budget(
    txn: &Txn<'_>,
    queue: QueueId,
    request: &LeaseRequest,
) -> Result<(usize, Option<Duration>), BackendError> {
    let Some(limit) = request.rate_limit else {
        return Ok((request.max, None));
    };
    // Asking for a budget that nobody needs would write for nothing.
    if !has_ready(txn, queue)? {
        return Ok((0, None));
    }
    let mut windows = load_windows(txn, queue)?;
    match windows.of(limit).take(
        limit,
        txn.uptime,
        u32::try_from(request.max).unwrap_or(u32::MAX),
    ) {
        Ok(granted) => {
            store_windows(txn, queue, &mut windows)?;
            Ok((granted as usize, None))
        }
        Err(wait) => Ok((0, Some(wait))),
    }
}

fn give_back(
    txn: &Txn<'_>,
    queue: QueueId,
    request: &LeaseRequest,
    unused: usize,
) -> Result<(), BackendError> {
    let (Some(limit), true) = (request.rate_limit, unused > 0) else {
        return Ok(());
    };
    let mut windows = load_windows(txn, queue)?;
    let unused = u32::try_from(unused).unwrap_or(u32::MAX);
    let window = windows.of(limit);
    window.give_back(window.newest(), unused);
    store_windows(txn, queue, &mut windows)
}

fn load_windows(txn: &Txn<'_>, queue: QueueId) -> Result<Windows, BackendError> {
    let stored: Option<Vec<u8>> = txn
        .with("SELECT rate FROM queue_queues WHERE id = ?1", |statement| {
            statement.query_row([queue], |row| row.get(0))
        })?;
    Ok(Windows::load(stored.as_deref()))
}

fn store_windows(txn: &Txn<'_>, queue: QueueId, windows: &mut Windows) -> Result<(), BackendError> {
    let encoded = windows.encode(txn.uptime);
    txn.execute(
        "UPDATE queue_queues SET rate = ?2 WHERE id = ?1",
        params![queue, encoded],
    )?;
    Ok(())
}

fn is_paused(txn: &Txn<'_>, queue: QueueId) -> Result<bool, BackendError> {
    txn.with(
        "SELECT paused FROM queue_queues WHERE id = ?1",
        |statement| statement.query_row([queue], |row| row.get(0)),
    )
}

fn has_ready(txn: &Txn<'_>, queue: QueueId) -> Result<bool, BackendError> {
    txn.with(
        "SELECT 1 FROM queue_jobs WHERE queue = ?1 AND priority BETWEEN 0 AND 3 AND state = 1 LIMIT 1",
        |statement| statement.exists([queue]),
    )
}

/// How long until a job becomes due, or a lease ends.
fn next_change(txn: &Txn<'_>, queue: QueueId) -> Result<Option<Duration>, BackendError> {
    let due: Option<Timestamp> = minimum(
        txn,
        queue,
        "SELECT min(due_at) FROM queue_jobs WHERE queue = ?1 AND (state = 0 OR state = 3 OR state = 4)",
    )?;
    let lease_until: Option<i64> = minimum(
        txn,
        queue,
        "SELECT min(lease_until) FROM queue_jobs WHERE queue = ?1 AND state = 2",
    )?;
    let due = due.map(|due| due.since(txn.now));
    let lease =
        lease_until.map(|until| Duration::from_millis((until as u64).saturating_sub(txn.uptime)));
    Ok(earliest(due, lease))
}

fn minimum<T: rusqlite::types::FromSql>(
    txn: &Txn<'_>,
    queue: QueueId,
    sql: &'static str,
) -> Result<Option<T>, BackendError> {
    txn.with(sql, |statement| {
        statement.query_row([queue], |row| row.get(0))
    })
}

fn earliest(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Moves the leases that are still held to `visibility` from now; the answers are in the order of the batch.
pub(super) fn extend(
    txn: &mut Txn<'_>,
    batch: &[Lease],
    visibility: Duration,
) -> Result<Vec<bool>, BackendError> {
    let until = txn.uptime.saturating_add(millis(visibility)) as i64;
    batch
        .iter()
        .map(|lease| {
            let changed = txn.execute(
                "UPDATE queue_jobs SET lease_until = ?4 WHERE seq = ?1 AND id = ?2 AND fence = ?3 AND state = 2",
                params![lease.slot as i64, lease.job, lease.fence as i64, until],
            )?;
            Ok(changed == 1)
        })
        .collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX >> 1)
}
