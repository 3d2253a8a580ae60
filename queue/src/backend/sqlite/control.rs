//! Repairs: cancel, requeue, pause, resume, purge, unpark.

use std::sync::LazyLock;

use rusqlite::{OptionalExtension, params};

use super::keys;
use super::maintenance::{self, select};
use super::options::MAINTENANCE_ROWS_MAX;
use super::row::state_code;
use super::settle::{self, ROW_COLUMNS, Row};
use super::txn::Txn;
use crate::backend::{BackendError, Cancelled, EventKind, Requeued};
use crate::clock::Timestamp;
use crate::job::{Idempotency, IdempotencyKey, JobId, KindInfo, State};

/// How many jobs one transaction of a purge deletes, so that others come between.
pub(super) const PURGE_ROWS_MAX: usize = 5000;

pub(super) fn cancel(txn: &mut Txn<'_>, id: JobId) -> Result<Cancelled, BackendError> {
    let Some(job) = find(txn, id)? else {
        return Ok(Cancelled::NotFound);
    };
    if !job.state.may_become(State::Cancelled) {
        return Ok(Cancelled::TooLate(job.state));
    }
    if job.in_doubt {
        let reason = "cancelled, and an earlier attempt may have been sent";
        settle::finish(txn, &job, State::Unknown, Some(reason), None)?;
        return Ok(Cancelled::InDoubt);
    }
    settle::finish(txn, &job, State::Cancelled, None, None)?;
    Ok(Cancelled::Cancelled)
}

pub(super) fn requeue(txn: &mut Txn<'_>, id: JobId) -> Result<Requeued, BackendError> {
    let Some(job) = find(txn, id)? else {
        return Ok(Requeued::NotFound);
    };
    if !matches!(job.state, State::Dead | State::Unknown | State::Parked) {
        return Ok(Requeued::WrongState(job.state));
    }
    let (has_body, deadline, window, created_at): (bool, Option<Timestamp>, Option<i64>, Timestamp) = txn
        .with(
            "SELECT payload IS NOT NULL, deadline, key_window, created_at FROM queue_jobs WHERE seq = ?1",
            |statement| {
                statement.query_row([job.seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            },
        )?;
    if !has_body {
        return Ok(Requeued::Wiped);
    }
    if deadline.is_some_and(|deadline| deadline <= txn.now) {
        return Ok(Requeued::DeadlinePassed);
    }
    if let Some(key) = job
        .key
        .as_ref()
        .and_then(|key| IdempotencyKey::new(key.clone()).ok())
    {
        if let Some(by) = keys::holder(txn, job.queue, key.as_str())?.filter(|holder| *holder != id)
        {
            return Ok(Requeued::KeyTaken { by });
        }
        let window_ms = window
            .and_then(|window| u64::try_from(window).ok())
            .unwrap_or(0);
        keys::take(
            txn,
            job.queue,
            &Idempotency { key, window_ms },
            id,
            created_at,
        )?;
    }
    let fresh = Row { attempt: 0, ..job };
    let now = txn.now;
    settle::make_ready(txn, &fresh, now)?;
    // Whoever brings it back has decided on the attempt in doubt. `in_doubt` stays: the job may have been sent.
    txn.execute(
        "UPDATE queue_jobs SET doubt_attempt = NULL, doubt_at = NULL, doubt_last = NULL, doubt_until = NULL WHERE seq = ?1",
        [fresh.seq],
    )?;
    txn.event(EventKind::Requeued, &fresh.subject(), None)?;
    Ok(Requeued::Requeued)
}

pub(super) fn set_paused(txn: &mut Txn<'_>, queue: &str, paused: bool) -> Result<(), BackendError> {
    let id = txn.queue_id(queue)?;
    txn.execute(
        "UPDATE queue_queues SET paused = ?2 WHERE id = ?1",
        params![id, paused],
    )?;
    txn.wake(id);
    Ok(())
}

/// Deletes up to [`PURGE_ROWS_MAX`] jobs; the caller repeats until it deletes none.
pub(super) fn purge(txn: &mut Txn<'_>, queue: &str, states: &[State]) -> Result<u64, BackendError> {
    let Some(id) = txn.find_queue(queue)? else {
        return Ok(0);
    };
    let mut deleted = 0;
    for &state in states.iter().filter(|state| **state != State::Running) {
        let limit = (PURGE_ROWS_MAX - deleted) as i64;
        let jobs = select(txn, &PURGED[state as usize], params![id, limit])?;
        for job in &jobs {
            if let (Some(key), false) = (&job.key, state.is_terminal()) {
                // It was never sent, so its key is free.
                keys::free(txn, id, key, job.id)?;
            }
            maintenance::remove(txn, job)?;
            txn.count(id, Some(state), None);
        }
        deleted += jobs.len();
    }
    Ok(deleted as u64)
}

/// For each state, a query for what a purge of it deletes; each is served by the index that holds the state.
static PURGED: LazyLock<[String; State::ALL.len()]> = LazyLock::new(|| {
    State::ALL.map(|state| {
        let code = state_code(state);
        let condition = match state {
            State::Scheduled | State::Retrying | State::Snoozed => {
                format!("queue = ?1 AND (state = 0 OR state = 3 OR state = 4) AND state = {code}")
            }
            State::Ready => format!("queue = ?1 AND priority BETWEEN 0 AND 3 AND state = {code}"),
            State::Running | State::Parked => format!("queue = ?1 AND state = {code}"),
            State::Completed | State::Dead | State::Expired | State::Cancelled | State::Unknown => {
                format!("queue = ?1 AND state = {code} AND finished_at IS NOT NULL")
            }
        };
        format!("SELECT {ROW_COLUMNS} FROM queue_jobs WHERE {condition} LIMIT ?2")
    })
});

/// One step of an [`unpark`].
pub(super) struct Unparked {
    pub(super) adopted: u64,
    /// Where the next step begins; `None` when this was the last.
    pub(super) next: Option<i64>,
}

/// Looks at up to [`MAINTENANCE_ROWS_MAX`] parked jobs behind `after` and adopts those of `kinds`; the caller goes on with the
/// rest, so that others come between.
pub(super) fn unpark(
    txn: &mut Txn<'_>,
    queue: &str,
    kinds: &[KindInfo],
    after: i64,
) -> Result<Unparked, BackendError> {
    let Some(id) = txn.find_queue(queue)? else {
        return Ok(Unparked {
            adopted: 0,
            next: None,
        });
    };
    let jobs = parked(txn, id, after)?;
    let mut unparked = Unparked {
        adopted: 0,
        next: None,
    };
    if jobs.len() == MAINTENANCE_ROWS_MAX {
        unparked.next = jobs.last().map(|job| job.row.seq);
    }
    for Parked { row, version, .. } in jobs.iter().filter(|job| job.adoptable) {
        let is_known = |kind: &KindInfo| kind.name == row.kind && kind.version >= *version;
        if !kinds.iter().any(is_known) {
            continue;
        }
        let now = txn.now;
        settle::make_ready(txn, row, now)?;
        txn.event(
            EventKind::Requeued,
            &row.subject(),
            Some("a worker that can decode it came along"),
        )?;
        unparked.adopted += 1;
    }
    Ok(unparked)
}

struct Parked {
    row: Row,
    version: u16,
    adoptable: bool,
}

fn parked(txn: &Txn<'_>, queue: i64, after: i64) -> Result<Vec<Parked>, BackendError> {
    static PARKED: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {ROW_COLUMNS}, version, adoptable FROM queue_jobs
             WHERE queue = ?1 AND state = 10 AND seq > ?2 ORDER BY seq LIMIT {MAINTENANCE_ROWS_MAX}"
        )
    });
    txn.with(&PARKED, |statement| {
        let rows = statement.query_map(params![queue, after], |row| {
            Ok(Parked {
                row: Row::read(row)?,
                version: row.get(9)?,
                adoptable: row.get(10)?,
            })
        })?;
        rows.collect()
    })
}

fn find(txn: &Txn<'_>, id: JobId) -> Result<Option<Row>, BackendError> {
    static BY_ID: LazyLock<String> =
        LazyLock::new(|| format!("SELECT {ROW_COLUMNS} FROM queue_jobs WHERE id = ?1"));
    txn.with(&BY_ID, |statement| {
        statement.query_row([id], Row::read).optional()
    })
}
