//! [`BackendError`]: why a store refused.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A store that could not do what it was asked. [`kind`](Self::kind) is for branching, the text says what to do.
#[derive(Debug)]
pub struct BackendError {
    kind: BackendErrorKind,
    detail: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Why a store refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackendErrorKind {
    /// The disk (or the configured limit) is full. Workers go on draining; enqueueing works again when there is room.
    Full,
    /// The file or its folder can't be written.
    ReadOnly,
    /// The folder can't be made or opened.
    Inaccessible,
    /// The file is not a store, or is damaged.
    Corrupt,
    /// Another process held the file for too long.
    Locked,
    /// A newer version of the library made the store.
    NewerFormat,
    /// A sync failed: nothing is acknowledged until the store is opened again.
    Poisoned,
    /// The store was closed.
    Closed,
    /// More jobs in one call than the backend takes.
    BatchTooLarge,
    /// A record or a charge is larger than the backend takes.
    RecordTooLarge,
    /// The address names no backend this program was built with.
    UnknownScheme,
    /// No server can be reached, or none answers in time.
    Unreachable,
    /// The server refuses the credentials, the certificate or a permission.
    Unauthorized,
    /// The server is older than the library works with, or dropped a setting that jobs depend on.
    ServerTooOld,
    /// A stream or consumer of that name has a configuration that isn't ours.
    Conflict,
    /// A stream or consumer is not there, and may not or must not be made.
    Missing,
    /// A job is larger than the server takes.
    PayloadTooLarge,
    /// A setting is wrong, here or on the server; the text names it.
    Misconfigured,
    /// Input or output failed in another way.
    Io,
}

impl BackendErrorKind {
    /// The kind's name, for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::ReadOnly => "read_only",
            Self::Inaccessible => "inaccessible",
            Self::Corrupt => "corrupt",
            Self::Locked => "locked",
            Self::NewerFormat => "newer_format",
            Self::Poisoned => "poisoned",
            Self::Closed => "closed",
            Self::BatchTooLarge => "batch_too_large",
            Self::RecordTooLarge => "record_too_large",
            Self::UnknownScheme => "unknown_scheme",
            Self::Unreachable => "unreachable",
            Self::Unauthorized => "unauthorized",
            Self::ServerTooOld => "server_too_old",
            Self::Conflict => "conflict",
            Self::Missing => "missing",
            Self::PayloadTooLarge => "payload_too_large",
            Self::Misconfigured => "misconfigured",
            Self::Io => "io",
        }
    }
}

impl BackendError {
    /// An error of `kind`; `detail` says what happened and what to do.
    pub fn new(kind: BackendErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            source: None,
        }
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Why the store refused.
    pub fn kind(&self) -> BackendErrorKind {
        self.kind
    }

    /// Whether the same call may work later without anybody changing anything but the circumstances.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            BackendErrorKind::Full | BackendErrorKind::Locked | BackendErrorKind::Unreachable
        )
    }

    /// How long a caller should wait before it tries again, for a `Retry-After` header; `None` when waiting won't help.
    pub fn retry_after(&self) -> Option<Duration> {
        self.is_retryable().then_some(match self.kind {
            BackendErrorKind::Full => Duration::from_secs(30),
            _ => Duration::from_secs(1),
        })
    }
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl Error for BackendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
