//! The end of an attempt: the outcome after the start, both durable. Also every other way into a state that a job is put in.

use rusqlite::{OptionalExtension, params};

use super::keys;
use super::row::state_code;
use super::txn::{QueueId, Subject, Txn};
use crate::backend::{BackendError, Disposition, EventKind, Settled, Settlement};
use crate::clock::Timestamp;
use crate::job::{JobId, State};
use crate::provider::Receipt;

/// Records outcomes; the answers are in the order of the batch.
pub(super) fn settle(
    txn: &mut Txn<'_>,
    batch: &[Settlement],
) -> Result<Vec<Settled>, BackendError> {
    batch
        .iter()
        .map(|settlement| settle_one(txn, settlement))
        .collect()
}

fn settle_one(txn: &mut Txn<'_>, settlement: &Settlement) -> Result<Settled, BackendError> {
    let Some(job) = held(txn, settlement)? else {
        return Ok(Settled::LeaseLost);
    };
    let now = txn.now;
    match &settlement.disposition {
        Disposition::Complete(receipt) => {
            finish(txn, &job, State::Completed, None, receipt.as_ref())?;
        }
        Disposition::Retry {
            at,
            reason,
            in_doubt,
        } => {
            if *in_doubt {
                doubt(txn, &job)?;
            }
            postpone(txn, &job, State::Retrying, *at, reason)?;
        }
        Disposition::Snooze { at, reason } => {
            postpone(txn, &job.uncharged(), State::Snoozed, *at, reason)?
        }
        Disposition::Dead { reason } => finish(txn, &job, State::Dead, Some(reason), None)?,
        Disposition::Expired => expire(txn, &job)?,
        Disposition::Unknown { reason } => {
            doubt(txn, &job)?;
            finish(txn, &job, State::Unknown, Some(reason), None)?;
        }
        Disposition::Park { reason, adoptable } => park(txn, &job.uncharged(), reason, *adoptable)?,
        Disposition::Release => make_ready(txn, &job.uncharged(), now)?,
    }
    Ok(Settled::Recorded)
}

/// A job as the transitions need it.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) seq: i64,
    pub(super) id: JobId,
    pub(super) queue: QueueId,
    pub(super) state: State,
    pub(super) attempt: u16,
    pub(super) kind: String,
    pub(super) key: Option<String>,
    pub(super) secret: bool,
    /// An earlier attempt may have had its effect.
    pub(super) in_doubt: bool,
}

/// The columns that [`Row::read`] reads, in its order.
pub(super) const ROW_COLUMNS: &str = "seq, id, queue, state, attempt, kind, key, secret, in_doubt";

impl Row {
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            id: row.get(1)?,
            queue: row.get(2)?,
            state: super::row::state_of(row.get(3)?)?,
            attempt: row.get(4)?,
            kind: row.get(5)?,
            key: row.get(6)?,
            secret: row.get(7)?,
            in_doubt: row.get(8)?,
        })
    }

    pub(super) fn subject(&self) -> Subject<'_> {
        Subject {
            queue: self.queue,
            id: self.id,
            kind: &self.kind,
            key: self.key.as_deref(),
            attempt: self.attempt,
        }
    }

    /// The same with the attempt given back.
    pub(super) fn uncharged(&self) -> Self {
        Self {
            attempt: self.attempt.saturating_sub(1),
            ..self.clone()
        }
    }
}

/// The job under this settlement's lease; `None` when the lease was lost.
fn held(txn: &Txn<'_>, settlement: &Settlement) -> Result<Option<Row>, BackendError> {
    let lease = settlement.lease;
    txn.with(
        "SELECT seq, id, queue, state, attempt, kind, key, secret, in_doubt FROM queue_jobs
             WHERE seq = ?1 AND id = ?2 AND fence = ?3 AND state = 2",
        |statement| {
            statement
                .query_row(
                    params![lease.slot as i64, lease.job, lease.fence as i64],
                    Row::read,
                )
                .optional()
        },
    )
}

/// Puts a job into a terminal state. The body goes, unless it may be needed for a requeue and holds no secret; the key goes
/// too, unless the job was, or may have been, sent.
pub(super) fn finish(
    txn: &mut Txn<'_>,
    job: &Row,
    to: State,
    reason: Option<&str>,
    receipt: Option<&Receipt>,
) -> Result<(), BackendError> {
    let (event, keeps_body, keeps_key) = match to {
        State::Completed => (EventKind::Completed, false, true),
        State::Dead => (EventKind::Dead, true, false),
        State::Unknown => (EventKind::Unknown, true, true),
        State::Expired => (EventKind::Expired, false, false),
        State::Cancelled => (EventKind::Cancelled, false, false),
        State::Scheduled
        | State::Ready
        | State::Running
        | State::Retrying
        | State::Snoozed
        | State::Parked => {
            unreachable!("finish is called with terminal states only")
        }
    };
    txn.execute(
        "UPDATE queue_jobs SET state = ?2, finished_at = ?3, attempt = ?4, reason = ?5, receipt = ?6,
             lease_until = NULL, worker = NULL, payload = CASE WHEN ?7 THEN payload END,
             recipient = CASE WHEN ?7 THEN recipient END,
             in_doubt = in_doubt OR ?8
         WHERE seq = ?1",
        params![
            job.seq,
            state_code(to),
            txn.now,
            job.attempt,
            reason,
            receipt.and_then(|receipt| serde_json::to_string(receipt).ok()),
            keeps_body && !job.secret,
            to == State::Unknown,
        ],
    )?;
    if let (Some(key), false) = (&job.key, keeps_key) {
        keys::free(txn, job.queue, key, job.id)?;
    }
    moved(txn, job, to, event, reason)
}

/// The deadline passed. Expired means surely never sent; a job in doubt ends unknown.
pub(super) fn expire(txn: &mut Txn<'_>, job: &Row) -> Result<(), BackendError> {
    if job.in_doubt {
        let reason = "the deadline passed, and an earlier attempt may have been sent";
        return finish(txn, job, State::Unknown, Some(reason), None);
    }
    finish(txn, job, State::Expired, Some("the deadline passed"), None)
}

/// Notes that this attempt of the job, which is over now, may have had its effect. The first and the last such attempt are
/// remembered.
pub(super) fn doubt(txn: &Txn<'_>, job: &Row) -> Result<(), BackendError> {
    txn.execute(
        "UPDATE queue_jobs SET in_doubt = 1, doubt_at = CASE WHEN doubt_attempt IS NULL THEN coalesce(started_at, created_at)
             ELSE doubt_at END, doubt_attempt = coalesce(doubt_attempt, attempt), doubt_last = attempt, doubt_until = ?2
         WHERE seq = ?1",
        params![job.seq, txn.now],
    )?;
    Ok(())
}

/// Lets a job wait for `at`.
pub(super) fn postpone(
    txn: &mut Txn<'_>,
    job: &Row,
    to: State,
    at: Timestamp,
    reason: &str,
) -> Result<(), BackendError> {
    let event = if to == State::Snoozed {
        EventKind::Snoozed
    } else {
        EventKind::Retried
    };
    wait(txn, job, to, at, Some(reason))?;
    moved(txn, job, to, event, Some(reason))?;
    txn.wake(job.queue);
    Ok(())
}

/// Makes a job ready again without an event: nothing happened to it.
pub(super) fn make_ready(txn: &mut Txn<'_>, job: &Row, at: Timestamp) -> Result<(), BackendError> {
    wait(txn, job, State::Ready, at, None)?;
    txn.count(job.queue, Some(job.state), Some(State::Ready));
    txn.wake(job.queue);
    Ok(())
}

fn wait(
    txn: &Txn<'_>,
    job: &Row,
    to: State,
    at: Timestamp,
    reason: Option<&str>,
) -> Result<(), BackendError> {
    txn.execute(
        "UPDATE queue_jobs SET state = ?2, due_at = ?3, attempt = ?4, reason = coalesce(?5, reason),
             lease_until = NULL, worker = NULL, finished_at = NULL
         WHERE seq = ?1",
        params![job.seq, state_code(to), at, job.attempt, reason],
    )?;
    Ok(())
}

/// Sets a job aside until a program that can decode it comes along, or a person.
pub(super) fn park(
    txn: &mut Txn<'_>,
    job: &Row,
    reason: &str,
    adoptable: bool,
) -> Result<(), BackendError> {
    txn.execute(
        "UPDATE queue_jobs SET state = 10, attempt = ?2, reason = ?3, adoptable = ?4, lease_until = NULL, worker = NULL
         WHERE seq = ?1",
        params![job.seq, job.attempt, reason, adoptable],
    )?;
    moved(txn, job, State::Parked, EventKind::Parked, Some(reason))
}

fn moved(
    txn: &mut Txn<'_>,
    job: &Row,
    to: State,
    event: EventKind,
    reason: Option<&str>,
) -> Result<(), BackendError> {
    txn.count(job.queue, Some(job.state), Some(to));
    txn.event(event, &job.subject(), reason)
}
