//! [`WorkerError`]: why a worker stopped by itself.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::backend::{BackendError, BackendErrorKind};

/// Why a worker stopped by itself. Outages that may pass never stop it: it waits and tries again.
#[derive(Clone, Debug)]
pub struct WorkerError {
    kind: WorkerErrorKind,
    source: Option<Arc<BackendError>>,
}

/// Why a worker stopped by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerErrorKind {
    /// The store will not work again before it is reopened.
    Backend(BackendErrorKind),
    /// The worker's task panicked or its runtime was shut down; what it ran is recovered when the leases end.
    Aborted,
    /// The worker did not finish in the grace period, because its runtime is blocked.
    Unresponsive,
}

impl WorkerError {
    pub(super) fn backend(error: BackendError) -> Self {
        Self {
            kind: WorkerErrorKind::Backend(error.kind()),
            source: Some(Arc::new(error)),
        }
    }

    pub(super) fn aborted() -> Self {
        Self {
            kind: WorkerErrorKind::Aborted,
            source: None,
        }
    }

    pub(super) fn unresponsive() -> Self {
        Self {
            kind: WorkerErrorKind::Unresponsive,
            source: None,
        }
    }

    /// Why it stopped.
    pub fn kind(&self) -> WorkerErrorKind {
        self.kind
    }
}

impl fmt::Display for WorkerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            WorkerErrorKind::Backend(kind) => {
                write!(f, "the worker stopped: its store is {}", kind.as_str())
            }
            WorkerErrorKind::Aborted => {
                f.write_str("the worker's task panicked or its runtime was shut down")
            }
            WorkerErrorKind::Unresponsive => {
                f.write_str("the worker did not finish in time: something blocks its runtime")
            }
        }
    }
}

impl Error for WorkerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

/// Whether a store that answered `kind` may work again while the worker waits.
pub(super) fn may_recover(kind: BackendErrorKind) -> bool {
    match kind {
        BackendErrorKind::Full
        | BackendErrorKind::ReadOnly
        | BackendErrorKind::Inaccessible
        | BackendErrorKind::Locked
        | BackendErrorKind::BatchTooLarge
        | BackendErrorKind::Unreachable
        | BackendErrorKind::Unauthorized
        | BackendErrorKind::ServerTooOld
        | BackendErrorKind::Conflict
        | BackendErrorKind::Missing
        | BackendErrorKind::PayloadTooLarge
        | BackendErrorKind::RecordTooLarge
        | BackendErrorKind::Io => true,
        BackendErrorKind::Corrupt
        | BackendErrorKind::NewerFormat
        | BackendErrorKind::Poisoned
        | BackendErrorKind::Closed
        | BackendErrorKind::UnknownScheme
        | BackendErrorKind::Misconfigured => false,
    }
}
