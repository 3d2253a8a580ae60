//! [`SqliteOptions`]: where the store is and how long it keeps what is over.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::Retention;
use crate::clock::{Clock, SystemClock};

/// The database inside a store's folder.
pub(super) const FILE_NAME: &str = "queue.db";

/// SQLite's log beside it.
pub(super) const LOG_FILE_NAME: &str = "queue.db-wal";

/// How long a write waits for another process to finish its own before it is refused as
/// [`Locked`](crate::backend::BackendErrorKind::Locked).
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// SQLite's page cache for each connection, in KiB; a store has one connection that writes and one that reads.
pub(super) const CACHE_KIB: i64 = 16 * 1024;

/// How many jobs one `enqueue` call may carry: a write of a few megabytes, short enough for others to come between.
pub const ENQUEUE_BATCH_MAX: usize = 4096;

/// How many jobs may wait in memory for the writer; more callers wait their turn.
pub(super) const WAITING_JOBS_MAX: usize = 64 * 1024;

/// How many pages of 4 KiB the log holds before it is folded into the database; SQLite's own default.
pub(super) const LOG_PAGES_MAX: usize = 1000;

/// How often an idle worker looks for what other processes wrote; their jobs start within twice this time.
pub(super) const FOREIGN_POLL: Duration = Duration::from_millis(25);

/// How often a store looks after itself: dead processes, lost leases, passed deadlines, old records.
pub(super) const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(1);

/// How many rows of one sort a single transaction looks after, so that none takes long.
pub(super) const MAINTENANCE_ROWS_MAX: usize = 1000;

/// How many old records a single transaction deletes of each state; above any rate at which they come.
pub(super) const RETENTION_ROWS_MAX: usize = 10_000;

/// How many events an observer may lag behind before it loses some.
pub(super) const EVENTS_HELD_MAX: usize = 16 * 1024;

/// Settings of a [`SqliteBackend`](super::SqliteBackend).
#[derive(Clone)]
#[must_use]
pub struct SqliteOptions {
    pub(super) folder: Option<PathBuf>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) retention: Retention,
}

impl SqliteOptions {
    /// A store in `folder`, which is made when it is missing. Several processes of one machine may share it.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Some(folder.into()),
            ..Self::in_memory()
        }
    }

    /// A store in memory: the same engine, gone with the process.
    pub fn in_memory() -> Self {
        Self {
            folder: None,
            clock: Arc::new(SystemClock::default()),
            retention: Retention::default(),
        }
    }

    /// The clock. Default: the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How long terminal jobs are kept. Default: [`Retention::default`].
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }
}

impl std::fmt::Debug for SqliteOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteOptions")
            .field("folder", &self.folder)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}
