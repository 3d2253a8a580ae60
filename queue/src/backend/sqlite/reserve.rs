//! Room kept on the disk for the day it is full: with it workers can go on settling, while new jobs are refused.
//!
//! SQLite needs space to fold its log into the database before the log's own space can be used again. A file of ours holds
//! that much; it is emptied when a write finds the disk full, and filled again when there is room.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

/// As much as the log holds before SQLite folds it into the database by itself (1000 pages of 4 KiB).
pub(super) const RESERVE_BYTES: u64 = 4 * 1024 * 1024;

const FILE_NAME: &str = "queue.reserve";

pub(super) struct Reserve {
    path: PathBuf,
    /// The disk was full and there is no room yet: new jobs are refused.
    pub(super) is_short: bool,
}

impl Reserve {
    /// The reserve of the store in `folder`. A disk too small for it is no reason not to open.
    pub(super) fn keep(folder: &Path) -> Self {
        let mut reserve = Self {
            path: folder.join(FILE_NAME),
            is_short: false,
        };
        if let Err(error) = reserve.fill() {
            tracing::warn!(error = %error, "no room for the store's reserve of 4 MiB: a full disk would stop workers too");
            reserve.empty();
        }
        reserve
    }

    /// A write found the disk full: make the log's space usable again.
    pub(super) fn spend(&mut self, connection: &Connection) {
        self.is_short = true;
        self.empty();
        if let Err(error) = connection.execute_batch("PRAGMA wal_checkpoint(RESTART)") {
            tracing::warn!(error = %error, "the disk is full and the log could not be folded into the database");
        }
    }

    /// Looks whether there is room again: on the disk, or inside the database.
    pub(super) fn restore(&mut self, connection: &Connection) {
        if !self.is_short {
            return;
        }
        let on_disk = self.fill().is_ok();
        if !on_disk {
            self.empty();
        }
        self.is_short = !(on_disk || free_inside(connection) >= RESERVE_BYTES);
    }

    fn fill(&mut self) -> io::Result<()> {
        if std::fs::metadata(&self.path).is_ok_and(|found| found.len() >= RESERVE_BYTES) {
            return Ok(());
        }
        let mut file = File::create(&self.path)?;
        let zeros = vec![0; 64 * 1024];
        for _ in 0..RESERVE_BYTES / zeros.len() as u64 {
            file.write_all(&zeros)?;
        }
        file.sync_all()
    }

    fn empty(&self) {
        // Whatever the reason that it can't be emptied, the write that needs the room will tell.
        let _ = File::create(&self.path);
    }
}

/// Bytes of the database that are free for new jobs without the file growing.
fn free_inside(connection: &Connection) -> u64 {
    let ask = |pragma: &str| {
        connection
            .query_row(pragma, [], |row| row.get::<_, i64>(0))
            .unwrap_or(0)
    };
    u64::try_from(ask("PRAGMA freelist_count").saturating_mul(ask("PRAGMA page_size"))).unwrap_or(0)
}
