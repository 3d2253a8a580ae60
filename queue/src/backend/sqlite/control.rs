//! Repairs: cancel, requeue, pause, resume, purge, unpark.

use std::sync::LazyLock;

use rusqlite::{OptionalExtension, params};

use super::keys;
use super::maintenance::{self, select, select_where};
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
        "UPDATE queue_jobs SET doubt_attempt = NULL, doubt_at = NULL WHERE seq = ?1",
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
        static PURGED: LazyLock<String> =
            LazyLock::new(|| select_where("queue = ?1 AND state = ?2"));
        let jobs = select(
            txn,
            &PURGED,
            params![id, state_code(state), (PURGE_ROWS_MAX - deleted) as i64],
        )?;
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

pub(super) fn unpark(
    txn: &mut Txn<'_>,
    queue: &str,
    kinds: &[KindInfo],
) -> Result<u64, BackendError> {
    let Some(id) = txn.find_queue(queue)? else {
        return Ok(0);
    };
    let mut adopted = 0;
    for kind in kinds {
        let jobs = parked(txn, id, kind)?;
        for job in &jobs {
            let now = txn.now;
            settle::make_ready(txn, job, now)?;
            txn.event(
                EventKind::Requeued,
                &job.subject(),
                Some("a worker that can decode it came along"),
            )?;
        }
        adopted += jobs.len() as u64;
    }
    Ok(adopted)
}

fn parked(txn: &Txn<'_>, queue: i64, kind: &KindInfo) -> Result<Vec<Row>, BackendError> {
    static PARKED: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {ROW_COLUMNS} FROM queue_jobs
             WHERE queue = ?1 AND state = 10 AND adoptable AND kind = ?2 AND version <= ?3"
        )
    });
    select(txn, &PARKED, params![queue, kind.name, kind.version])
}

fn find(txn: &Txn<'_>, id: JobId) -> Result<Option<Row>, BackendError> {
    static BY_ID: LazyLock<String> =
        LazyLock::new(|| format!("SELECT {ROW_COLUMNS} FROM queue_jobs WHERE id = ?1"));
    txn.with(&BY_ID, |statement| {
        statement.query_row([id], Row::read).optional()
    })
}
