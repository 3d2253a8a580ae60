//! What a crashed or frozen worker left behind: jobs that were started and whose outcome nobody recorded.

use std::sync::LazyLock;

use rusqlite::params;

use super::options::MAINTENANCE_ROWS_MAX;
use super::row::unknown_of;
use super::settle::{self, ROW_COLUMNS, Row};
use super::txn::{QueueId, Txn};
use crate::backend::{BackendError, EventKind};
use crate::clock::Timestamp;
use crate::job::{State, UnknownPolicy};
use crate::retry::Backoff;

/// A job that was started, and what its kind says of unknown outcomes.
struct Lost {
    job: Row,
    max_attempts: u16,
    unknown: UnknownPolicy,
    deadline: Option<Timestamp>,
}

/// The jobs of a worker that is dead.
pub(super) fn recover_worker(txn: &mut Txn<'_>, worker: i64) -> Result<(), BackendError> {
    static DEAD: LazyLock<String> = LazyLock::new(|| select_where("state = 2 AND worker = ?1"));
    let lost = select(txn, &DEAD, params![worker])?;
    lost.iter()
        .try_for_each(|lost| recover(txn, lost, "its worker died"))
}

/// The jobs of workers that left no sign of themselves: the store was restored from a copy, or its `workers` folder is gone.
/// Their leases are times of another machine's or another boot's clock and say nothing here.
pub(super) fn recover_missing(txn: &mut Txn<'_>, announced: &[i64]) -> Result<(), BackendError> {
    let workers: Vec<i64> = txn.with(
        "SELECT DISTINCT worker FROM queue_jobs WHERE state = 2 AND worker IS NOT NULL",
        |statement| statement.query_map([], |row| row.get(0))?.collect(),
    )?;
    for worker in workers
        .into_iter()
        .filter(|worker| !announced.contains(worker))
    {
        recover_worker(txn, worker)?;
    }
    Ok(())
}

/// The jobs of `queue` whose lease has ended: their worker is frozen, or cut off.
pub(super) fn recover_lost_leases(txn: &mut Txn<'_>, queue: QueueId) -> Result<(), BackendError> {
    static LOST: LazyLock<String> = LazyLock::new(|| {
        select_where(&format!(
            "queue = ?1 AND state = 2 AND lease_until <= ?2 ORDER BY lease_until LIMIT {MAINTENANCE_ROWS_MAX}"
        ))
    });
    let lost = select(txn, &LOST, params![queue, txn.uptime as i64])?;
    lost.iter()
        .try_for_each(|lost| recover(txn, lost, "its worker lost the lease"))
}

/// The attempt counts: it was started. Whether it had its effect is unknown, so the kind's policy decides.
fn recover(txn: &mut Txn<'_>, lost: &Lost, cause: &str) -> Result<(), BackendError> {
    let job = &lost.job;
    txn.event(EventKind::Recovered, &job.subject(), Some(cause))?;
    let attempt = job.attempt;
    settle::doubt(txn, job)?;
    if lost.unknown == UnknownPolicy::Stop {
        return settle::finish(txn, job, State::Unknown, Some(cause), None);
    }
    if attempt >= lost.max_attempts {
        // A job that kills its workers ends here. Where nothing is sent twice without asking, it may not end as what anybody
        // requeues without a thought.
        let state = match lost.unknown {
            UnknownPolicy::Retry => State::Dead,
            UnknownPolicy::Stop | UnknownPolicy::Ask => State::Unknown,
        };
        let reason = format!("{cause} during attempt {attempt} of {}", lost.max_attempts);
        return settle::finish(txn, job, state, Some(&reason), None);
    }
    if lost.deadline.is_some_and(|deadline| deadline <= txn.now) {
        let in_doubt = Row {
            in_doubt: true,
            ..job.clone()
        };
        return settle::expire(txn, &in_doubt);
    }
    // As after any failed attempt: a process that dies again and again must not use up the attempts of all that it runs
    // within a second.
    let at = txn
        .now
        .saturating_add(Backoff::default().delay(attempt, fastrand::f64()));
    settle::postpone(txn, job, State::Retrying, at, cause)
}

fn select_where(condition: &str) -> String {
    format!(
        "SELECT {ROW_COLUMNS}, max_attempts, unknown, deadline FROM queue_jobs WHERE {condition}"
    )
}

fn select(
    txn: &Txn<'_>,
    sql: &'static str,
    params: impl rusqlite::Params,
) -> Result<Vec<Lost>, BackendError> {
    txn.with(sql, |statement| {
        let rows = statement.query_map(params, |row| {
            Ok(Lost {
                job: Row::read(row)?,
                max_attempts: row.get(9)?,
                unknown: unknown_of(row.get(10)?),
                deadline: row.get(11)?,
            })
        })?;
        rows.collect()
    })
}
