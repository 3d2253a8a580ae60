//! Opening a store: folder, connection, tables, threads.

use std::fs::{self, File};
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::error::{inaccessible, translate};
use super::options::{BUSY_TIMEOUT, CACHE_KIB, FILE_NAME};
use super::presence::{self, Presence};
use super::reader::Reader;
use super::reserve::Reserve;
use super::shared::Shared;
use super::txn::Memory;
use super::writer::Writer;
use super::{SqliteBackend, SqliteOptions, no_thread, schema};
use crate::backend::BackendError;

/// How many prepared statements a connection keeps; the engine has about fifty.
const STATEMENTS_KEPT: usize = 96;

/// The log's size after a checkpoint, in bytes: kept for the next writes, so that settling goes on when the disk is full.
const LOG_BYTES_KEPT: i64 = 16 * 1024 * 1024;

pub(super) fn open(options: &SqliteOptions) -> Result<SqliteBackend, BackendError> {
    let (connection, reader, presence, reserve) = match &options.folder {
        Some(folder) => open_folder(folder)?,
        None => {
            let mut connection = Connection::open_in_memory().map_err(translate)?;
            configure(&mut connection)?;
            schema::migrate(&mut connection)?;
            (connection, None, None, None)
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
    let writer = Writer {
        connection,
        shared: shared.clone(),
        presence,
        reserve,
        memory: Memory::default(),
        poisoned: false,
        seen: 0,
    };
    let thread = std::thread::Builder::new()
        .name("queue-writer".to_owned())
        .spawn(move || writer.run(&inbox))
        .map_err(no_thread)?;
    Ok(SqliteBackend {
        shared,
        requests,
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
);

fn open_folder(folder: &Path) -> Result<Parts, BackendError> {
    let is_new = !folder.exists();
    make_folder(folder).map_err(|error| inaccessible(folder, error))?;
    let file = folder.join(FILE_NAME);
    let mut connection = connect(&file)?;
    schema::migrate(&mut connection)?;
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
    let mut connection = Connection::open(file).map_err(translate)?;
    configure(&mut connection)?;
    Ok(connection)
}

fn configure(connection: &mut Connection) -> Result<(), BackendError> {
    connection
        .busy_handler(Some(wait_for_others))
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

/// Another process writes: wait for it in short steps, which are fairer than SQLite's growing ones.
fn wait_for_others(tries: i32) -> bool {
    const STEP: Duration = Duration::from_millis(1);
    let waited = STEP * u32::try_from(tries).unwrap_or(0);
    if waited >= BUSY_TIMEOUT {
        return false;
    }
    std::thread::sleep(STEP);
    true
}

/// A new file is durable only when its folder is.
fn sync_folder(folder: &Path) -> Result<(), BackendError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| inaccessible(folder, error))
}
