//! What time does to jobs: due ones become ready, leases end, deadlines pass, old records go.

use std::sync::LazyLock;

use rusqlite::{OptionalExtension, params};

use super::keys;
use super::limits;
use super::options::{MAINTENANCE_ROWS_MAX, RETENTION_ROWS_MAX};
use super::records;
use super::recovery;
use super::row::state_code;
use super::settle::{self, ROW_COLUMNS, Row};
use super::txn::{QueueId, Txn};
use crate::backend::BackendError;
use crate::job::State;

/// Everything, for all queues; `dead` are the incarnations that died.
pub(super) fn run(txn: &mut Txn<'_>, dead: &[i64]) -> Result<(), BackendError> {
    for &worker in dead {
        recovery::recover_worker(txn, worker)?;
    }
    for queue in txn.queue_ids()? {
        refresh(txn, queue)?;
        retain(txn, queue)?;
    }
    keys::sweep(txn, MAINTENANCE_ROWS_MAX)?;
    limits::sweep(txn)?;
    records::sweep(txn)
}

/// What must be true before a worker looks for work in `queue`.
pub(super) fn refresh(txn: &mut Txn<'_>, queue: QueueId) -> Result<(), BackendError> {
    recovery::recover_lost_leases(txn, queue)?;
    expire(txn, queue)?;
    promote(txn, queue)
}

/// Jobs whose time has come become ready.
fn promote(txn: &mut Txn<'_>, queue: QueueId) -> Result<(), BackendError> {
    static DUE: LazyLock<String> = LazyLock::new(|| {
        select_where("queue = ?1 AND state IN (0, 3, 4) AND due_at <= ?2 ORDER BY due_at")
    });
    let due = select(
        txn,
        &DUE,
        params![queue, txn.now, MAINTENANCE_ROWS_MAX as i64],
    )?;
    for job in &due {
        txn.execute("UPDATE queue_jobs SET state = 1 WHERE seq = ?1", [job.seq])?;
        txn.count(queue, Some(job.state), Some(State::Ready));
    }
    if !due.is_empty() {
        txn.wake(queue);
    }
    Ok(())
}

/// Jobs whose deadline has passed expire, whoever they wait for.
fn expire(txn: &mut Txn<'_>, queue: QueueId) -> Result<(), BackendError> {
    static LATE: LazyLock<String> = LazyLock::new(|| {
        select_where(
            "queue = ?1 AND deadline IS NOT NULL AND state IN (0, 1, 3, 4, 10) AND deadline <= ?2 ORDER BY deadline",
        )
    });
    let late = select(
        txn,
        &LATE,
        params![queue, txn.now, MAINTENANCE_ROWS_MAX as i64],
    )?;
    for job in &late {
        settle::expire(txn, job)?;
    }
    Ok(())
}

/// Deletes the records that are too old or too many.
fn retain(txn: &mut Txn<'_>, queue: QueueId) -> Result<(), BackendError> {
    let retention = txn.retention;
    for state in State::ALL.into_iter().filter(|state| state.is_terminal()) {
        let (age, most) = match state {
            State::Dead | State::Unknown => (retention.dead_age, retention.dead_count),
            _ => (retention.completed_age, retention.completed_count),
        };
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let oldest = txn.now.as_millis().saturating_sub(age);
        let excess = stored(txn, queue, state)?.saturating_sub(most);
        let excess = usize::try_from(excess)
            .unwrap_or(usize::MAX)
            .min(RETENTION_ROWS_MAX);
        delete_finished(txn, queue, state, i64::MAX, excess)?;
        delete_finished(txn, queue, state, oldest, RETENTION_ROWS_MAX)?;
    }
    Ok(())
}

/// Deletes up to `limit` jobs of `queue` in `state` that finished before `before`, oldest first.
fn delete_finished(
    txn: &mut Txn<'_>,
    queue: QueueId,
    state: State,
    before: i64,
    limit: usize,
) -> Result<(), BackendError> {
    static OLD: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {ROW_COLUMNS} FROM queue_jobs
             WHERE queue = ?1 AND state = ?2 AND finished_at IS NOT NULL AND finished_at < ?3 ORDER BY finished_at
             LIMIT ?4"
        )
    });
    let old = select(
        txn,
        &OLD,
        params![queue, state_code(state), before, limit as i64],
    )?;
    for job in &old {
        remove(txn, job)?;
        txn.count(queue, Some(state), None);
    }
    Ok(())
}

/// Deletes the record of a job. The caller counts it.
pub(super) fn remove(txn: &Txn<'_>, job: &Row) -> Result<(), BackendError> {
    txn.execute("DELETE FROM queue_jobs WHERE seq = ?1", [job.seq])?;
    match &job.key {
        Some(key) => keys::leave(txn, job.queue, key, job.id),
        None => Ok(()),
    }
}

/// How many jobs of `queue` are in `state`, as of the last commit.
fn stored(txn: &Txn<'_>, queue: QueueId, state: State) -> Result<u64, BackendError> {
    let count: Option<i64> = txn.with(
        "SELECT count FROM queue_counts WHERE queue = ?1 AND state = ?2",
        |statement| {
            statement
                .query_row(params![queue, state_code(state)], |row| row.get(0))
                .optional()
        },
    )?;
    Ok(count
        .and_then(|count| u64::try_from(count).ok())
        .unwrap_or(0))
}

/// A query for [`select`]: the jobs that fulfil `condition`, at most `?3`.
pub(super) fn select_where(condition: &str) -> String {
    format!("SELECT {ROW_COLUMNS} FROM queue_jobs WHERE {condition} LIMIT ?3")
}

/// The jobs that `sql` finds; its columns are [`ROW_COLUMNS`].
pub(super) fn select(
    txn: &Txn<'_>,
    sql: &'static str,
    params: impl rusqlite::Params,
) -> Result<Vec<Row>, BackendError> {
    txn.with(sql, |statement| {
        statement.query_map(params, Row::read)?.collect()
    })
}
