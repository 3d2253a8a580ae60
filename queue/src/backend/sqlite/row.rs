//! Rows to values and back: the columns of `queue_jobs` in the seam's types.

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::backend::{Doubt, JobView};
use crate::clock::Timestamp;
use crate::job::{
    Envelope, Idempotency, IdempotencyKey, JobId, Kind, Metadata, Priority, RecipientKey, State,
    Tenant, TraceContext, UnknownPolicy,
};

/// The columns that [`view`] reads, in its order.
pub(super) const VIEW_COLUMNS: &str = "seq, id, kind, version, state, attempt, max_attempts, priority, created_at, due_at, \
     deadline, finished_at, key, tenant, metadata, reason, receipt, length(payload), started_at, doubt_attempt, \
     doubt_at, doubt_last, doubt_until";

/// The columns that [`envelope`] reads, in its order.
pub(super) const ENVELOPE_COLUMNS: &str = "id, kind, version, payload, priority, created_at, due_at, deadline, max_attempts, \
     unknown, secret, key, key_window, tenant, trace, metadata, attempt, fence, seq, in_doubt, \
     recipient, doubt_attempt, doubt_at, doubt_last, doubt_until";

/// A state as it is stored: its place in [`State::ALL`]. The partial indexes in `schema.rs` name these numbers.
pub(super) fn state_code(state: State) -> i64 {
    state as i64
}

/// The state with this code.
pub(super) fn state_of(code: i64) -> rusqlite::Result<State> {
    lookup(&State::ALL, code)
}

fn priority_of(code: i64) -> rusqlite::Result<Priority> {
    lookup(&Priority::ALL, code)
}

fn lookup<T: Copy>(all: &[T], code: i64) -> rusqlite::Result<T> {
    let found = usize::try_from(code)
        .ok()
        .and_then(|index| all.get(index))
        .copied();
    found.ok_or(rusqlite::Error::IntegralValueOutOfRange(0, code))
}

/// The unknown policy as it is stored.
pub(super) fn unknown_code(policy: UnknownPolicy) -> i64 {
    match policy {
        UnknownPolicy::Retry => 0,
        UnknownPolicy::Stop => 1,
        UnknownPolicy::Ask => 2,
    }
}

/// The unknown policy with this code.
pub(super) fn unknown_of(code: i64) -> UnknownPolicy {
    match code {
        1 => UnknownPolicy::Stop,
        2 => UnknownPolicy::Ask,
        _ => UnknownPolicy::Retry,
    }
}

impl ToSql for JobId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())))
    }
}

impl FromSql for JobId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        bytes
            .try_into()
            .map(Self::from_bytes)
            .map_err(|_| FromSqlError::InvalidType)
    }
}

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_millis()))
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self::from_millis)
    }
}

/// What a lease needs besides the envelope.
pub(super) struct Hold {
    pub(super) attempt: u16,
    pub(super) fence: i64,
    pub(super) seq: i64,
    pub(super) in_doubt: bool,
    pub(super) doubt: Option<Doubt>,
}

/// The envelope in a row of [`ENVELOPE_COLUMNS`], and its hold.
pub(super) fn envelope(queue: &str, row: &Row<'_>) -> rusqlite::Result<(Envelope, Hold)> {
    let payload: Option<Vec<u8>> = row.get(3)?;
    let kind = Kind::from(row.get::<_, String>(1)?);
    let mut envelope = Envelope::new(
        queue,
        kind,
        row.get(2)?,
        payload.unwrap_or_default(),
        row.get(5)?,
    );
    envelope.id = row.get(0)?;
    envelope.priority = priority_of(row.get(4)?)?;
    envelope.due_at = row.get(6)?;
    envelope.deadline = row.get(7)?;
    envelope.max_attempts = row.get(8)?;
    envelope.unknown = unknown_of(row.get(9)?);
    envelope.secret = row.get(10)?;
    envelope.idempotency = match row.get::<_, Option<String>>(11)? {
        Some(key) => idempotency(key, row.get(12)?),
        None => None,
    };
    envelope.tenant = row
        .get::<_, Option<String>>(13)?
        .and_then(|tenant| Tenant::new(tenant).ok());
    envelope.trace = row
        .get::<_, Option<String>>(14)?
        .and_then(|json| serde_json::from_str::<TraceContext>(&json).ok());
    envelope.metadata = metadata(row.get(15)?);
    envelope.recipient = row
        .get::<_, Option<[u8; 16]>>(20)?
        .map(RecipientKey::from_bytes);
    Ok((
        envelope,
        Hold {
            attempt: row.get(16)?,
            fence: row.get(17)?,
            seq: row.get(18)?,
            in_doubt: row.get(19)?,
            doubt: doubt(row, 21)?,
        },
    ))
}

/// The job in a row of [`VIEW_COLUMNS`], and its place in the order of enqueue.
pub(super) fn view(queue: &str, row: &Row<'_>) -> rusqlite::Result<(i64, JobView)> {
    let view = JobView {
        id: row.get(1)?,
        queue: queue.to_owned(),
        kind: Kind::from(row.get::<_, String>(2)?),
        version: row.get(3)?,
        state: state_of(row.get(4)?)?,
        attempt: row.get(5)?,
        max_attempts: row.get(6)?,
        priority: priority_of(row.get(7)?)?,
        created_at: row.get(8)?,
        due_at: row.get(9)?,
        deadline: row.get(10)?,
        finished_at: row.get(11)?,
        idempotency_key: row
            .get::<_, Option<String>>(12)?
            .and_then(|key| IdempotencyKey::new(key).ok()),
        tenant: row
            .get::<_, Option<String>>(13)?
            .and_then(|tenant| Tenant::new(tenant).ok()),
        metadata: metadata(row.get(14)?),
        reason: row.get(15)?,
        receipt: row
            .get::<_, Option<String>>(16)?
            .and_then(|json| serde_json::from_str(&json).ok()),
        payload_bytes: row
            .get::<_, Option<i64>>(17)?
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(0),
        started_at: row.get(18)?,
        doubt: doubt(row, 19)?,
    };
    Ok((row.get(0)?, view))
}

/// The doubt in a row, whose four columns begin at `first`.
fn doubt(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Doubt>> {
    let attempt: Option<u16> = row.get(first)?;
    let started_at: Option<Timestamp> = row.get(first + 1)?;
    let last: Option<u16> = row.get(first + 2)?;
    let ended_at: Option<Timestamp> = row.get(first + 3)?;
    Ok(attempt.zip(started_at).map(|(attempt, started_at)| Doubt {
        attempt,
        started_at,
        last_attempt: last.unwrap_or(attempt),
        ended_at: ended_at.unwrap_or(started_at),
    }))
}

fn idempotency(key: String, window_ms: Option<i64>) -> Option<Idempotency> {
    let key = IdempotencyKey::new(key).ok()?;
    Some(Idempotency {
        key,
        window_ms: window_ms
            .and_then(|window| u64::try_from(window).ok())
            .unwrap_or(0),
    })
}

fn metadata(json: Option<String>) -> Metadata {
    json.and_then(|json| serde_json::from_str(&json).ok())
        .unwrap_or_default()
}
