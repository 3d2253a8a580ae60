//! Records: values under keys, replaced by compare-and-set. Also the handle that answers for them and for charges.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::charges;
use super::error::{full, translate};
use super::inbox::Requests;
use super::options::MAINTENANCE_ROWS_MAX;
use super::reader::Reader;
use super::shared::Shared;
use super::txn::Txn;
use super::writer;
use crate::backend::{
    BackendError, BackendErrorKind, CHARGE_LINES_MAX, Charge, Charged, Counter, Expect, Put,
    RECORD_BYTES_MAX, RECORDS_LISTED_MAX, Record, RecordKey, Records, Space,
};
use crate::clock::Timestamp;
use crate::future::BoxFuture;

/// A handle on the store for its records; the store stays open as long as it lives.
pub(super) struct SqliteRecords {
    pub(super) shared: Arc<Shared>,
    pub(super) requests: Arc<Requests>,
    pub(super) reader: Option<Arc<Reader>>,
}

impl SqliteRecords {
    async fn read<T, F>(&self, mut work: F) -> Result<T, BackendError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T, BackendError> + Send + 'static,
    {
        match &self.reader {
            Some(reader) => reader.read(work).await,
            None => writer::write(&self.requests, move |txn| work(txn.connection)).await,
        }
    }
}

impl Records for SqliteRecords {
    fn get(
        &self,
        space: Space,
        key: RecordKey,
    ) -> BoxFuture<'_, Result<Option<Record>, BackendError>> {
        let now = self.shared.clock.now();
        Box::pin(self.read(move |connection| get(connection, space, &key, now)))
    }

    fn put(
        &self,
        space: Space,
        key: RecordKey,
        value: Vec<u8>,
        expect: Expect,
        expires_at: Option<Timestamp>,
    ) -> BoxFuture<'_, Result<Put, BackendError>> {
        Box::pin(async move {
            if value.len() > RECORD_BYTES_MAX {
                let actual = value.len();
                return Err(too_large(format!(
                    "a record of {actual} bytes, at most {RECORD_BYTES_MAX} are allowed"
                )));
            }
            writer::write(&self.requests, move |txn| {
                put(txn, space, &key, &value, expect, expires_at)
            })
            .await
        })
    }

    fn remove(&self, space: Space, key: RecordKey) -> BoxFuture<'_, Result<bool, BackendError>> {
        Box::pin(writer::write(&self.requests, move |txn| {
            remove(txn, space, &key)
        }))
    }

    fn list(
        &self,
        space: Space,
        after: Option<RecordKey>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(RecordKey, Record)>, BackendError>> {
        let now = self.shared.clock.now();
        Box::pin(self.read(move |connection| list(connection, space, after.as_ref(), limit, now)))
    }

    fn charge(&self, charge: Charge) -> BoxFuture<'_, Result<Charged, BackendError>> {
        Box::pin(async move {
            if charge.lines.len() > CHARGE_LINES_MAX {
                let actual = charge.lines.len();
                return Err(too_large(format!(
                    "a charge of {actual} lines, at most {CHARGE_LINES_MAX} are allowed"
                )));
            }
            writer::write(&self.requests, move |txn| charges::charge(txn, &charge)).await
        })
    }

    fn refund(&self, token: RecordKey) -> BoxFuture<'_, Result<bool, BackendError>> {
        Box::pin(writer::write(&self.requests, move |txn| {
            charges::refund(txn, &token)
        }))
    }

    fn counted(&self, counter: Counter) -> BoxFuture<'_, Result<u64, BackendError>> {
        Box::pin(self.read(move |connection| charges::counted(connection, &counter)))
    }

    fn counters(
        &self,
        prefix: Counter,
        after: Option<RecordKey>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(RecordKey, u64)>, BackendError>> {
        Box::pin(
            self.read(move |connection| {
                charges::counters(connection, &prefix, after.as_ref(), limit)
            }),
        )
    }
}

fn too_large(detail: String) -> BackendError {
    BackendError::new(BackendErrorKind::RecordTooLarge, detail)
}

fn get(
    connection: &Connection,
    space: Space,
    key: &RecordKey,
    now: Timestamp,
) -> Result<Option<Record>, BackendError> {
    connection
        .prepare_cached(
            "SELECT value, revision, expires_at FROM queue_records
             WHERE space = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?3)",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![space.as_str(), key.as_str(), now], |row| {
                    record(row, 0)
                })
                .optional()
        })
        .map_err(translate)
}

fn put(
    txn: &mut Txn<'_>,
    space: Space,
    key: &RecordKey,
    value: &[u8],
    expect: Expect,
    expires_at: Option<Timestamp>,
) -> Result<Put, BackendError> {
    if txn.is_short_of_room {
        return Err(full());
    }
    let found = get(txn.connection, space, key, txn.now)?.map(|record| record.revision);
    let is_expected = match expect {
        Expect::Any => true,
        Expect::Absent => found.is_none(),
        Expect::Revision(revision) => found == Some(revision),
    };
    if !is_expected {
        txn.rely_on_others();
        return Ok(Put::Conflict);
    }
    txn.execute("UPDATE queue_revision SET last = last + 1", [])?;
    let revision: i64 = txn.with("SELECT last FROM queue_revision", |statement| {
        statement.query_row([], |row| row.get(0))
    })?;
    txn.execute(
        "INSERT INTO queue_records (space, key, value, revision, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (space, key) DO UPDATE
         SET value = excluded.value, revision = excluded.revision, expires_at = excluded.expires_at",
        params![space.as_str(), key.as_str(), value, revision, expires_at],
    )?;
    Ok(Put::Stored {
        revision: revision as u64,
    })
}

fn remove(txn: &mut Txn<'_>, space: Space, key: &RecordKey) -> Result<bool, BackendError> {
    let is_there = get(txn.connection, space, key, txn.now)?.is_some();
    txn.execute(
        "DELETE FROM queue_records WHERE space = ?1 AND key = ?2",
        params![space.as_str(), key.as_str()],
    )?;
    Ok(is_there)
}

fn list(
    connection: &Connection,
    space: Space,
    after: Option<&RecordKey>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<(RecordKey, Record)>, BackendError> {
    let mut statement = connection
        .prepare_cached(
            "SELECT key, value, revision, expires_at FROM queue_records
             WHERE space = ?1 AND key > ?2 AND (expires_at IS NULL OR expires_at > ?3) ORDER BY key LIMIT ?4",
        )
        .map_err(translate)?;
    let limit = limit.clamp(1, RECORDS_LISTED_MAX) as i64;
    // No key is empty, so all of them come after nothing.
    let after = after.map_or("", RecordKey::as_str);
    let rows = statement
        .query_map(params![space.as_str(), after, now, limit], |row| {
            Ok((row.get::<_, String>(0)?, record(row, 1)?))
        })
        .map_err(translate)?;
    let rows: Vec<_> = rows.collect::<Result<_, _>>().map_err(translate)?;
    Ok(rows
        .into_iter()
        .filter_map(|(key, record)| Some((RecordKey::new(key).ok()?, record)))
        .collect())
}

/// The record in a row of `value, revision, expires_at`, which begin at `first`.
fn record(row: &Row<'_>, first: usize) -> rusqlite::Result<Record> {
    Ok(Record {
        value: row.get(first)?,
        revision: row.get::<_, i64>(first + 1)? as u64,
        expires_at: row.get(first + 2)?,
    })
}

/// Deletes what has expired, a bounded number of it.
pub(super) fn sweep(txn: &Txn<'_>) -> Result<(), BackendError> {
    txn.execute(
        "DELETE FROM queue_records WHERE seq IN (
             SELECT seq FROM queue_records WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        params![txn.now, MAINTENANCE_ROWS_MAX as i64],
    )?;
    charges::sweep(txn)
}
