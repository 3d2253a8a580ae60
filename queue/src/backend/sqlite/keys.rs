//! Idempotency keys: who holds one, and until when.
//!
//! A key is held by a job that is not terminal, and by one that completed or may have been sent until its window ends. A job
//! that is dead, expired or cancelled frees it: its row stays, so that the job can still be found by it, but holds nothing.

use rusqlite::{OptionalExtension, params};

use super::error::translate;
use super::row::state_of;
use super::txn::{QueueId, Txn};
use crate::backend::BackendError;
use crate::clock::Timestamp;
use crate::job::{Idempotency, JobId};

/// `expires_at` of a key whose job gave it up.
const FREED: i64 = 0;

/// The job that holds `key` now.
pub(super) fn holder(
    txn: &Txn<'_>,
    queue: QueueId,
    key: &str,
) -> Result<Option<JobId>, BackendError> {
    let found: Option<(JobId, i64, Option<i64>)> = txn.with(
        "SELECT k.id, k.expires_at, j.state FROM queue_keys k LEFT JOIN queue_jobs j ON j.id = k.id
             WHERE k.queue = ?1 AND k.key = ?2",
        |statement| {
            statement
                .query_row(params![queue, key], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()
        },
    )?;
    let Some((id, expires_at, state)) = found else {
        return Ok(None);
    };
    if expires_at == FREED {
        return Ok(None);
    }
    let lives = match state {
        Some(code) => !state_of(code).map_err(translate)?.is_terminal(),
        None => false,
    };
    Ok((lives || expires_at > txn.now.as_millis()).then_some(id))
}

/// Gives the key to job `id`, enqueued at `created_at`.
pub(super) fn take(
    txn: &Txn<'_>,
    queue: QueueId,
    idempotency: &Idempotency,
    id: JobId,
    created_at: Timestamp,
) -> Result<(), BackendError> {
    let window = i64::try_from(idempotency.window_ms).unwrap_or(i64::MAX);
    // Never FREED: a window of zero ends one millisecond after 1970 at the earliest.
    let expires_at = created_at.as_millis().saturating_add(window).max(FREED + 1);
    txn.execute(
        "INSERT INTO queue_keys (queue, key, id, expires_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (queue, key) DO UPDATE SET id = excluded.id, expires_at = excluded.expires_at, orphan = 0",
        params![queue, idempotency.key.as_str(), id, expires_at],
    )?;
    Ok(())
}

/// Job `id` gives its key up.
pub(super) fn free(
    txn: &Txn<'_>,
    queue: QueueId,
    key: &str,
    id: JobId,
) -> Result<(), BackendError> {
    txn.execute(
        "UPDATE queue_keys SET expires_at = 0 WHERE queue = ?1 AND key = ?2 AND id = ?3",
        params![queue, key, id],
    )?;
    Ok(())
}

/// The record of job `id` is deleted: its key goes with it, or stays as an orphan until its window ends.
pub(super) fn leave(
    txn: &Txn<'_>,
    queue: QueueId,
    key: &str,
    id: JobId,
) -> Result<(), BackendError> {
    let gone = txn.execute(
        "DELETE FROM queue_keys WHERE queue = ?1 AND key = ?2 AND id = ?3 AND expires_at <= ?4",
        params![queue, key, id, txn.now],
    )?;
    if gone == 0 {
        txn.execute(
            "UPDATE queue_keys SET orphan = 1 WHERE queue = ?1 AND key = ?2 AND id = ?3",
            params![queue, key, id],
        )?;
    }
    Ok(())
}

/// Deletes up to `limit` orphans whose window has ended.
pub(super) fn sweep(txn: &Txn<'_>, limit: usize) -> Result<(), BackendError> {
    txn.execute(
        "DELETE FROM queue_keys WHERE (queue, key) IN (
             SELECT queue, key FROM queue_keys WHERE orphan = 1 AND expires_at <= ?1 LIMIT ?2)",
        params![txn.now, limit as i64],
    )?;
    Ok(())
}
