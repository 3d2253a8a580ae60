//! Opening a store: folder, connection, tables, threads.

use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;

use super::error::{inaccessible, no_thread, opening, translate};
use super::inbox::Requests;
use super::lock;
use super::options::{CACHE_KIB, FILE_NAME, LOG_FILE_NAME};
use super::presence::{self, Presence};
use super::reader::Reader;
use super::reserve::Reserve;
use super::shared::Shared;
use super::sync::Sync;
use super::txn::Memory;
use super::writer::Writer;
use super::{SqliteBackend, SqliteOptions, schema};
use crate::backend::BackendError;

/// How many prepared statements a connection keeps; the engine has about fifty.
const STATEMENTS_KEPT: usize = 96;

/// The log's size after a checkpoint, in bytes: kept for the next writes, so that settling goes on when the disk is full.
const LOG_BYTES_KEPT: i64 = 16 * 1024 * 1024;

pub(super) fn open(options: &SqliteOptions) -> Result<SqliteBackend, BackendError> {
    let (mut connection, reader, presence, reserve, log) = match &options.folder {
        Some(folder) => open_folder(folder)?,
        None => {
            let mut connection = Connection::open_in_memory().map_err(translate)?;
            configure(&mut connection)?;
            schema::migrate(&mut connection)?;
            (connection, None, None, None, None)
        }
    };
    let worker = presence
        .as_ref()
        .map_or_else(presence::new_id, Presence::id);
    let shared = Arc::new(Shared::new(
        options.clock.clone(),
        options.retention,
        worker,
    ));
    let (requests, inbox) = mpsc::channel();
    let sync = match log {
        Some(log) => Sync::of_log(log, shared.clone(), requests.clone())?,
        None => Sync::None,
    };
    let log_pages = Arc::new(AtomicUsize::new(0));
    let counter = log_pages.clone();
    // It replaces SQLite's own folding of the log, whose errors nobody would hear.
    let hook = move |_: &mut Wal, pages| {
        counter.store(usize::try_from(pages).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    };
    connection.wal_hook(Some(hook)).map_err(translate)?;
    let writer = Writer {
        connection,
        shared: shared.clone(),
        presence,
        reserve,
        memory: Memory::default(),
        sync,
        log_pages,
        seen: 0,
    };
    let thread = std::thread::Builder::new()
        .name("queue-writer".to_owned())
        .spawn(move || writer.run(inbox))
        .map_err(no_thread)?;
    Ok(SqliteBackend {
        shared,
        requests: Requests::new(requests),
        reader,
        writer: Mutex::new(Some(thread)),
    })
}

/// A connection that writes, and what only a store in a file has.
type Parts = (
    Connection,
    Option<Arc<Reader>>,
    Option<Presence>,
    Option<Reserve>,
    Option<File>,
);

fn open_folder(folder: &Path) -> Result<Parts, BackendError> {
    let is_new = !folder.exists();
    make_folder(folder).map_err(|error| inaccessible(folder, error))?;
    let file = folder.join(FILE_NAME);
    let mut connection = connect(&file)?;
    schema::migrate(&mut connection)?;
    let log = sync_by_hand(&connection, &folder.join(LOG_FILE_NAME))?;
    let presence = Presence::announce(folder)?;
    sync_folder(folder)?;
    if let (true, Some(parent)) = (
        is_new,
        folder
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty()),
    ) {
        sync_folder(parent)?;
    }
    let reader = Reader::start(connect(&file)?)?;
    Ok((
        connection,
        Some(Arc::new(reader)),
        Some(presence),
        Some(Reserve::keep(folder)),
        Some(log),
    ))
}

/// Makes the folder for its owner alone: recipients and texts are in it. One that is there keeps its mode.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn connect(file: &Path) -> Result<Connection, BackendError> {
    let mut connection = Connection::open(file).map_err(|error| opening(file, error))?;
    configure(&mut connection)?;
    Ok(connection)
}

fn configure(connection: &mut Connection) -> Result<(), BackendError> {
    connection
        .busy_handler(Some(lock::wait_for_others))
        .map_err(translate)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Plans that do not look at the values of parameters: otherwise SQLite prepares each query with a `LIMIT ?` again
    // whenever a value changes.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(translate)?;
    // Write-ahead log with a sync at each commit: what is acknowledged survives power loss, and readers go on beside the
    // writer. `secure_delete` overwrites what is wiped.
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON;
             PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -{CACHE_KIB};
             PRAGMA journal_size_limit = {LOG_BYTES_KEPT};"
        ))
        .map_err(translate)
}

/// The log of a connection that no longer syncs it at each commit: [`Sync`] does that, before anybody is answered. Folding
/// the log into the database is synced by SQLite as before.
fn sync_by_hand(connection: &Connection, log: &Path) -> Result<File, BackendError> {
    connection
        .execute_batch("PRAGMA synchronous = NORMAL")
        .map_err(translate)?;
    File::options()
        .write(true)
        .open(log)
        .map_err(|error| inaccessible(log, error))
}

/// A new file is durable only when its folder is.
fn sync_folder(folder: &Path) -> Result<(), BackendError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| inaccessible(folder, error))
}
