//! Why a run could not be made.

use std::io;
use std::path::PathBuf;

use queue::EnqueueError;
use queue::backend::BackendError;
use queue::provider::SalumError;
use queue::worker::WorkerError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("can't read {}: {}", path.display(), remedy(source))]
    Csv { path: PathBuf, source: io::Error },
    #[error("{name} has more than {limit} bytes: split it")]
    CsvTooLarge { name: String, limit: usize },
    #[error(
        "{name} is not a CSV of recipients: {why}; its first line must name the columns, separated by commas, `kind` and `phone` among them"
    )]
    NotRecipients { name: String, why: String },
    #[error("can't use the folder {}: {}", path.display(), remedy(source))]
    Folder { path: PathBuf, source: io::Error },
    #[error("can't open the store: {}", chain(.0))]
    Open(#[source] BackendError),
    #[error("the store failed: {}", chain(.0))]
    Store(#[from] BackendError),
    #[error("{}; the rows before it are safe, run again when that is mended", chain(.0))]
    Enqueue(#[source] EnqueueError),
    #[error("can't start the gateway's stand-in: {}", remedy(.0))]
    Gateway(#[source] io::Error),
    #[error("can't make the gateway's client: {}", chain(.0))]
    Salum(#[from] SalumError),
    #[error("{}", chain(.0))]
    Worker(#[from] WorkerError),
    #[error("the queue is paused, so no job starts: resume it, then run again")]
    Paused,
}

/// The error and its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some layers repeat what is below them.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

fn remedy(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "this user may not; change its permissions".into(),
        io::ErrorKind::IsADirectory => "it is a folder, not a file".into(),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file is in the way where a folder should be".into()
        }
        _ => error.to_string(),
    }
}
