//! Tables, indexes, and the version of the format. `docs/storage_format.md` explains them.
//!
//! Every name begins with `queue_`, and the version is kept in a table of ours, so that a host may keep its own tables in
//! the same file.

use rusqlite::{Connection, OptionalExtension};

use super::error::translate;
use crate::backend::{BackendError, BackendErrorKind};

/// The version of the format that this library writes.
pub const FORMAT_VERSION: i64 = 4;

/// `MIGRATIONS[n]` brings a store from version `n` to `n + 1`.
const MIGRATIONS: [&str; 4] = [V1, V2, V3, V4];

const V1: &str = "
CREATE TABLE queue_queues (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    paused INTEGER NOT NULL DEFAULT 0,
    rate BLOB
);
CREATE TABLE queue_jobs (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    queue INTEGER NOT NULL,
    state INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER,
    worker INTEGER,
    deadline INTEGER,
    finished_at INTEGER,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    secret INTEGER NOT NULL,
    adoptable INTEGER NOT NULL DEFAULT 0,
    in_doubt INTEGER NOT NULL DEFAULT 0,
    kind TEXT NOT NULL,
    key TEXT,
    key_window INTEGER,
    tenant TEXT,
    trace TEXT,
    metadata TEXT,
    reason TEXT,
    receipt TEXT,
    payload BLOB
);
CREATE INDEX queue_jobs_ready ON queue_jobs (queue, priority, due_at) WHERE state = 1;
CREATE INDEX queue_jobs_waiting ON queue_jobs (queue, due_at) WHERE state IN (0, 3, 4);
CREATE INDEX queue_jobs_running ON queue_jobs (queue, lease_until) WHERE state = 2;
CREATE INDEX queue_jobs_deadline ON queue_jobs (queue, deadline)
    WHERE deadline IS NOT NULL AND state IN (0, 1, 3, 4, 10);
CREATE INDEX queue_jobs_finished ON queue_jobs (queue, state, finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX queue_jobs_parked ON queue_jobs (queue) WHERE state = 10;
CREATE TABLE queue_keys (
    queue INTEGER NOT NULL,
    key TEXT NOT NULL,
    id BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    orphan INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (queue, key)
) WITHOUT ROWID;
CREATE INDEX queue_keys_orphans ON queue_keys (expires_at) WHERE orphan = 1;
CREATE TABLE queue_counts (
    queue INTEGER NOT NULL,
    state INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (queue, state)
) WITHOUT ROWID;
";

/// Records, charges and keyed limits beside the jobs; to whom a job goes, when its last attempt started, and which of its
/// attempts is in doubt.
const V2: &str = "
ALTER TABLE queue_jobs ADD COLUMN recipient BLOB;
ALTER TABLE queue_jobs ADD COLUMN started_at INTEGER;
ALTER TABLE queue_jobs ADD COLUMN doubt_attempt INTEGER;
ALTER TABLE queue_jobs ADD COLUMN doubt_at INTEGER;
UPDATE queue_jobs SET doubt_attempt = max(attempt, 1), doubt_at = created_at WHERE in_doubt = 1;
CREATE INDEX queue_jobs_snoozed_recipient ON queue_jobs (queue, recipient, due_at) WHERE state = 4 AND recipient IS NOT NULL;
CREATE INDEX queue_jobs_snoozed_tenant ON queue_jobs (queue, tenant, due_at) WHERE state = 4 AND tenant IS NOT NULL;
UPDATE queue_queues SET rate = NULL;
CREATE TABLE queue_limits (
    queue INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    key BLOB NOT NULL,
    period INTEGER NOT NULL,
    starts BLOB NOT NULL,
    idle_at INTEGER NOT NULL,
    PRIMARY KEY (queue, scope, key, period)
) WITHOUT ROWID;
CREATE INDEX queue_limits_idle ON queue_limits (idle_at);
CREATE TABLE queue_records (
    seq INTEGER PRIMARY KEY,
    space TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    revision INTEGER NOT NULL,
    expires_at INTEGER,
    UNIQUE (space, key)
);
CREATE INDEX queue_records_expiry ON queue_records (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE queue_revision (last INTEGER NOT NULL);
INSERT INTO queue_revision VALUES (0);
CREATE TABLE queue_counters (
    key TEXT NOT NULL,
    period INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (key, period, ends_at)
) WITHOUT ROWID;
CREATE INDEX queue_counters_ends ON queue_counters (ends_at);
CREATE TABLE queue_charges (
    token TEXT PRIMARY KEY,
    charged_at INTEGER NOT NULL,
    lines TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX queue_charges_age ON queue_charges (charged_at);
";

/// Indexes that cost less to keep: SQLite makes a temporary table for each `IN` of more than two values, and checks the
/// conditions of all indexes whenever a job is written. The index of deadlines now keeps a job while it runs.
const V3: &str = "
DROP INDEX queue_jobs_waiting;
CREATE INDEX queue_jobs_waiting ON queue_jobs (queue, due_at) WHERE state = 0 OR state = 3 OR state = 4;
DROP INDEX queue_jobs_deadline;
CREATE INDEX queue_jobs_deadline ON queue_jobs (queue, deadline) WHERE deadline IS NOT NULL AND finished_at IS NULL;
";

/// Until when something may have been sent without anybody knowing. Of earlier doubts that is not known: the last attempt, and
/// its start, are nearest to it.
const V4: &str = "
ALTER TABLE queue_jobs ADD COLUMN doubt_last INTEGER;
ALTER TABLE queue_jobs ADD COLUMN doubt_until INTEGER;
UPDATE queue_jobs SET doubt_last = max(doubt_attempt, attempt), doubt_until = max(doubt_at, coalesce(started_at, doubt_at))
    WHERE doubt_attempt IS NOT NULL;
";

/// Makes the tables, or brings them to the current version.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), BackendError> {
    if version(connection)? == FORMAT_VERSION {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(translate)?;
    // Read again under the lock: another process may have migrated in between.
    let found = version(&transaction)?;
    if found > FORMAT_VERSION {
        return Err(BackendError::new(
            BackendErrorKind::NewerFormat,
            format!(
                "the store has format {found}, newer than {FORMAT_VERSION}, the newest this program knows: update the program"
            ),
        ));
    }
    for migration in &MIGRATIONS[usize::try_from(found).unwrap_or(0)..] {
        transaction.execute_batch(migration).map_err(translate)?;
    }
    transaction
        .execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS queue_format (version INTEGER NOT NULL);
             DELETE FROM queue_format; INSERT INTO queue_format VALUES ({FORMAT_VERSION});"
        ))
        .map_err(translate)?;
    transaction.commit().map_err(translate)
}

/// The version of the store behind `connection`; 0 when it holds none.
fn version(connection: &Connection) -> Result<i64, BackendError> {
    let exists: Option<i64> = connection
        .query_row(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'queue_format'",
            [],
            |row| row.get(0),
        )
        .optional()
        .map_err(translate)?;
    if exists.is_none() {
        return Ok(0);
    }
    connection
        .query_row("SELECT version FROM queue_format", [], |row| row.get(0))
        .map_err(translate)
}
