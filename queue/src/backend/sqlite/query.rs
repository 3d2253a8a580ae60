//! Questions: one job, lists, statistics. They read beside the writer and never hold it up.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::error::translate;
use super::row::{VIEW_COLUMNS, state_code, state_of, view};
use crate::backend::{BackendError, Cursor, JobView, ListFilter, Page, Stats};
use crate::clock::Timestamp;
use crate::job::{IdempotencyKey, JobId};

/// The most jobs of one page.
const PAGE_JOBS_MAX: usize = 1000;

/// How many places a filtered list looks at in one call, so that it holds nobody up: some tens of milliseconds.
const SCAN_PLACES_MAX: i64 = 20_000;

pub(super) fn job(connection: &Connection, id: JobId) -> Result<Option<JobView>, BackendError> {
    let sql = format!(
        "SELECT {VIEW_COLUMNS}, (SELECT name FROM queue_queues q WHERE q.id = queue) AS queue_name
         FROM queue_jobs WHERE id = ?1 AND queue <> 0"
    );
    connection
        .prepare_cached(&sql)
        .and_then(|mut statement| {
            statement
                .query_row([id], |row| {
                    let queue: String = row.get("queue_name")?;
                    view(&queue, row).map(|(_, view)| view)
                })
                .optional()
        })
        .map_err(translate)
}

pub(super) fn find(
    connection: &Connection,
    queue: &str,
    key: &IdempotencyKey,
) -> Result<Option<JobView>, BackendError> {
    let id: Option<JobId> = connection
        .prepare_cached(
            "SELECT id FROM queue_keys WHERE queue = (SELECT id FROM queue_queues WHERE name = ?1) AND key = ?2",
        )
        .and_then(|mut statement| statement.query_row(params![queue, key.as_str()], |row| row.get(0)).optional())
        .map_err(translate)?;
    match id {
        Some(id) => job(connection, id),
        None => Ok(None),
    }
}

pub(super) fn list(connection: &Connection, filter: &ListFilter) -> Result<Page, BackendError> {
    let limit = filter.limit.clamp(1, PAGE_JOBS_MAX);
    let after = filter
        .after
        .map_or(0, |Cursor(seq)| i64::try_from(seq).unwrap_or(i64::MAX));
    let Some((first, last)) = places(connection, after)? else {
        return Ok(Page {
            jobs: Vec::new(),
            next: None,
        });
    };
    let end = first.saturating_add(SCAN_PLACES_MAX - 1).min(last);
    let mut conditions = String::from(
        "queue = (SELECT id FROM queue_queues WHERE name = ?1) AND seq BETWEEN ?2 AND ?3",
    );
    let mut values = vec![
        Value::from(filter.queue.clone()),
        Value::from(first),
        Value::from(end),
    ];
    if let Some(kind) = &filter.kind {
        values.push(Value::from(kind.as_str().to_owned()));
        conditions.push_str(&format!(" AND kind = ?{}", values.len()));
    }
    if let Some(tenant) = &filter.tenant {
        values.push(Value::from(tenant.as_str().to_owned()));
        conditions.push_str(&format!(" AND tenant = ?{}", values.len()));
    }
    if !filter.states.is_empty() {
        let codes: Vec<String> = filter
            .states
            .iter()
            .map(|state| state_code(*state).to_string())
            .collect();
        conditions.push_str(&format!(" AND state IN ({})", codes.join(", ")));
    }
    // One more than asked for tells whether there is a next page.
    let sql = format!(
        "SELECT {VIEW_COLUMNS} FROM queue_jobs WHERE {conditions} ORDER BY seq LIMIT {}",
        limit + 1
    );
    let mut statement = connection.prepare_cached(&sql).map_err(translate)?;
    let rows = statement
        .query_map(params_from_iter(values), |row| view(&filter.queue, row))
        .map_err(translate)?;
    let mut jobs: Vec<(i64, JobView)> = rows.collect::<Result<_, _>>().map_err(translate)?;
    let has_more = jobs.len() > limit;
    jobs.truncate(limit);
    let next = match jobs.last() {
        Some((seq, _)) if has_more => Some(Cursor(u128::from(seq.unsigned_abs()))),
        _ => (end < last).then_some(Cursor(u128::from(end.unsigned_abs()))),
    };
    Ok(Page {
        jobs: jobs.into_iter().map(|(_, view)| view).collect(),
        next,
    })
}

/// The first place behind `after` and the last one of all; `None` when there is nothing behind `after`.
fn places(connection: &Connection, after: i64) -> Result<Option<(i64, i64)>, BackendError> {
    let place = |sql: &str, values: &[i64]| -> Result<Option<i64>, BackendError> {
        connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement.query_row(params_from_iter(values), |row| row.get(0))
            })
            .map_err(translate)
    };
    let first = place("SELECT min(seq) FROM queue_jobs WHERE seq > ?1", &[after])?;
    let last = place("SELECT max(seq) FROM queue_jobs", &[])?;
    Ok(first.zip(last))
}

pub(super) fn stats(
    connection: &Connection,
    queue: &str,
    now: Timestamp,
) -> Result<Stats, BackendError> {
    let mut stats = Stats::default();
    let found: Option<(i64, bool)> = connection
        .prepare_cached("SELECT id, paused FROM queue_queues WHERE name = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([queue], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .map_err(translate)?;
    let Some((id, paused)) = found else {
        return Ok(stats);
    };
    stats.paused = paused;
    let mut statement = connection
        .prepare_cached("SELECT state, count FROM queue_counts WHERE queue = ?1")
        .map_err(translate)?;
    let counts = statement
        .query_map([id], |row| {
            Ok((state_of(row.get(0)?)?, row.get::<_, i64>(1)?))
        })
        .map_err(translate)?;
    for count in counts {
        let (state, count) = count.map_err(translate)?;
        stats.set(state, u64::try_from(count).unwrap_or(0));
    }
    let oldest: Option<Timestamp> = connection
        .prepare_cached(
            "SELECT min(oldest) FROM (
                 SELECT (SELECT min(due_at) FROM queue_jobs WHERE queue = ?1 AND priority = p.value AND state = 1) AS oldest
                 FROM (SELECT 0 AS value UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) p)",
        )
        .and_then(|mut statement| statement.query_row([id], |row| row.get(0)))
        .map_err(translate)?;
    let waited = oldest.map(|oldest| now.since(oldest)).unwrap_or_default();
    stats.oldest_ready_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
    Ok(stats)
}
