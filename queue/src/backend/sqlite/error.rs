//! SQLite's errors in the seam's words.

use std::path::Path;

use rusqlite::ErrorCode;

use crate::backend::{BackendError, BackendErrorKind};

/// `error` as the seam's error. The text says what to do; SQLite's own words are its source.
pub(super) fn translate(error: rusqlite::Error) -> BackendError {
    let (kind, detail) = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => (
            BackendErrorKind::Full,
            "the disk is full: free space; workers go on, and enqueueing resumes by itself",
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => (
            BackendErrorKind::ReadOnly,
            "the store can't be written: check the owner and mode of its folder and files",
        ),
        Some(ErrorCode::CannotOpen) => (BackendErrorKind::Inaccessible, CANNOT_OPEN),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => (
            BackendErrorKind::Corrupt,
            "the store is damaged or not a store: keep a copy, then recover it with `sqlite3 queue.db .recover`, or remove it",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            BackendErrorKind::Locked,
            "another process has held the store's write lock for 10 s: end the long transaction, then try again",
        ),
        _ => (
            BackendErrorKind::Io,
            "the store could not be read or written",
        ),
    };
    BackendError::new(kind, detail).caused_by(error)
}

const CANNOT_OPEN: &str =
    "the store can't be opened: check that its folder exists and can be written";

/// `error` met while the database was opened: the text names the file that can't be.
pub(super) fn opening(file: &Path, error: rusqlite::Error) -> BackendError {
    if error.sqlite_error_code() != Some(ErrorCode::CannotOpen) {
        return translate(error);
    }
    let detail = format!("{CANNOT_OPEN} by this program: `{}`", file.display());
    BackendError::new(BackendErrorKind::Inaccessible, detail).caused_by(error)
}

/// A folder or file beside the database that could not be made or opened.
pub(super) fn inaccessible(path: &Path, error: std::io::Error) -> BackendError {
    let kind = match error.kind() {
        std::io::ErrorKind::StorageFull => BackendErrorKind::Full,
        std::io::ErrorKind::ReadOnlyFilesystem => BackendErrorKind::ReadOnly,
        _ => BackendErrorKind::Inaccessible,
    };
    let detail = format!(
        "can't open `{}`: it must be a folder that this program may write",
        path.display()
    );
    BackendError::new(kind, detail).caused_by(error)
}

pub(super) fn full() -> BackendError {
    BackendError::new(
        BackendErrorKind::Full,
        "the disk is full: free space; workers go on, and enqueueing resumes by itself",
    )
}

pub(super) fn closed() -> BackendError {
    BackendError::new(
        BackendErrorKind::Closed,
        "the store was closed: open it again",
    )
}

pub(super) fn poisoned() -> BackendError {
    BackendError::new(
        BackendErrorKind::Poisoned,
        "a write could not be synced to the disk, so nothing more is acknowledged, and what was asked just then may or may \
         not be stored: check the disk, then open the store again",
    )
}

pub(super) fn no_thread(error: std::io::Error) -> BackendError {
    BackendError::new(
        BackendErrorKind::Io,
        "no thread could be started for the store",
    )
    .caused_by(error)
}
