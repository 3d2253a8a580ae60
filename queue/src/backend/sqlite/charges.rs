//! Counters of fixed periods, and the charges that were added to them.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::error::{full, translate};
use super::options::MAINTENANCE_ROWS_MAX;
use super::txn::Txn;
use crate::backend::{
    BackendError, CHARGE_AGE, Charge, Charged, Counter, RECORDS_LISTED_MAX, RecordKey,
};
use crate::clock::Timestamp;

/// A counter: its key, the length of its periods in milliseconds, and the end of one.
type Place<'a> = (&'a str, i64, Timestamp);

/// A line as it is stored with its charge, to be taken back: the counter's three parts, and the amount.
type Taken = (String, i64, Timestamp, u64);

/// Adds all lines to their counters, or none.
pub(super) fn charge(txn: &mut Txn<'_>, charge: &Charge) -> Result<Charged, BackendError> {
    let token = charge.token.as_str();
    // A later attempt of the same job: from now on its token is remembered for as long again.
    let again = txn.execute(
        "UPDATE queue_charges SET charged_at = max(charged_at, ?2) WHERE token = ?1",
        params![token, txn.now],
    )?;
    if again > 0 {
        txn.rely_on_others();
        return Ok(Charged::AlreadyTaken);
    }
    if txn.is_short_of_room {
        return Err(full());
    }
    let mut totals: BTreeMap<Place<'_>, u64> = BTreeMap::new();
    let mut over: Option<(usize, Timestamp)> = None;
    for (place, line) in charge.lines.iter().enumerate() {
        let until = line.window_end(charge.at);
        let counter = (line.key.as_str(), line.period_ms(), until);
        let stored = match totals.get(&counter) {
            Some(total) => *total,
            None => total(txn, counter)?,
        };
        let sum = stored.saturating_add(line.amount).min(TOTAL_MAX);
        let is_over = line
            .cap
            .is_some_and(|cap| stored.saturating_add(line.amount) > cap);
        if is_over && over.is_none_or(|(_, latest)| latest < until) {
            over = Some((place, until));
        }
        totals.insert(counter, sum);
    }
    if let Some((line, until)) = over {
        return Ok(Charged::Over { line, until });
    }
    for ((key, period, ends_at), total) in totals {
        txn.execute(
            "INSERT INTO queue_counters (key, period, ends_at, total) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (key, period, ends_at) DO UPDATE SET total = excluded.total",
            params![key, period, ends_at, total as i64],
        )?;
    }
    let lines: Vec<Taken> = charge
        .lines
        .iter()
        .map(|line| {
            (
                line.key.as_str().to_owned(),
                line.period_ms(),
                line.window_end(charge.at),
                line.amount,
            )
        })
        .collect();
    txn.execute(
        "INSERT INTO queue_charges (token, charged_at, lines) VALUES (?1, ?2, ?3)",
        params![token, txn.now, serde_json::to_string(&lines).ok()],
    )?;
    Ok(Charged::Taken)
}

/// SQLite's integers are signed.
const TOTAL_MAX: u64 = i64::MAX as u64;

/// Takes a charge back from its counters, as far as they are still kept, and forgets its token.
pub(super) fn refund(txn: &mut Txn<'_>, token: &RecordKey) -> Result<bool, BackendError> {
    let lines: Option<Option<String>> = txn.with(
        "SELECT lines FROM queue_charges WHERE token = ?1",
        |statement| {
            statement
                .query_row([token.as_str()], |row| row.get(0))
                .optional()
        },
    )?;
    let Some(lines) = lines else {
        return Ok(false);
    };
    txn.execute(
        "DELETE FROM queue_charges WHERE token = ?1",
        [token.as_str()],
    )?;
    let lines: Vec<Taken> = lines
        .and_then(|json| serde_json::from_str(&json).ok())
        .unwrap_or_default();
    for (key, period, ends_at, amount) in lines {
        txn.execute(
            "UPDATE queue_counters SET total = max(total - ?4, 0) WHERE key = ?1 AND period = ?2 AND ends_at = ?3",
            params![key, period, ends_at, amount.min(TOTAL_MAX) as i64],
        )?;
    }
    Ok(true)
}

fn total(txn: &Txn<'_>, (key, period, ends_at): Place<'_>) -> Result<u64, BackendError> {
    let total: Option<i64> = txn.with(
        "SELECT total FROM queue_counters WHERE key = ?1 AND period = ?2 AND ends_at = ?3",
        |statement| {
            statement
                .query_row(params![key, period, ends_at], |row| row.get(0))
                .optional()
        },
    )?;
    Ok(total
        .and_then(|total| u64::try_from(total).ok())
        .unwrap_or(0))
}

/// How much a counter holds.
pub(super) fn counted(connection: &Connection, counter: &Counter) -> Result<u64, BackendError> {
    let total: Option<i64> = connection
        .prepare_cached(
            "SELECT total FROM queue_counters WHERE key = ?1 AND period = ?2 AND ends_at = ?3",
        )
        .and_then(|mut statement| {
            let counter = params![
                counter.key.as_str(),
                counter.period_ms(),
                counter.window_end()
            ];
            statement.query_row(counter, |row| row.get(0)).optional()
        })
        .map_err(translate)?;
    Ok(total
        .and_then(|total| u64::try_from(total).ok())
        .unwrap_or(0))
}

/// The counters of a period that hold something and whose keys begin with that of `prefix`.
pub(super) fn counters(
    connection: &Connection,
    prefix: &Counter,
    after: Option<&RecordKey>,
    limit: usize,
) -> Result<Vec<(RecordKey, u64)>, BackendError> {
    let first = prefix.key.as_str();
    // No key that begins so comes after this: keys hold no character beyond the last one.
    let last = format!("{first}{}", char::MAX);
    let limit = limit.clamp(1, RECORDS_LISTED_MAX) as i64;
    let after = after.map_or("", RecordKey::as_str);
    let mut statement = connection
        .prepare_cached(
            "SELECT key, total FROM queue_counters WHERE key >= ?1 AND key <= ?2 AND key > ?3
             AND period = ?4 AND ends_at = ?5 AND total > 0 ORDER BY key LIMIT ?6",
        )
        .map_err(translate)?;
    let rows = statement
        .query_map(
            params![
                first,
                last,
                after,
                prefix.period_ms(),
                prefix.window_end(),
                limit
            ],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)),
        )
        .map_err(translate)?;
    let rows: Vec<_> = rows.collect::<Result<_, _>>().map_err(translate)?;
    Ok(rows
        .into_iter()
        .filter_map(|(key, total)| Some((RecordKey::new(key).ok()?, u64::try_from(total).ok()?)))
        .collect())
}

/// Deletes periods that ended and tokens that are old, a bounded number of each.
pub(super) fn sweep(txn: &Txn<'_>) -> Result<(), BackendError> {
    let most = MAINTENANCE_ROWS_MAX as i64;
    let age = i64::try_from(CHARGE_AGE.as_millis()).unwrap_or(i64::MAX);
    let oldest = Timestamp::from_millis(txn.now.as_millis().saturating_sub(age));
    // A charge may be told a moment of a little ago, so an ended period is kept a little longer too.
    txn.execute(
        "DELETE FROM queue_counters WHERE (key, period, ends_at) IN (
             SELECT key, period, ends_at FROM queue_counters WHERE ends_at <= ?1 ORDER BY ends_at LIMIT ?2)",
        params![oldest, most],
    )?;
    txn.execute(
        "DELETE FROM queue_charges WHERE token IN (
             SELECT token FROM queue_charges WHERE charged_at <= ?1 ORDER BY charged_at LIMIT ?2)",
        params![oldest, most],
    )?;
    Ok(())
}
