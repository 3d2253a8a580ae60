//! [`QueueBuilder`]: where the jobs are kept, and the settings of a queue handle.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::queue::{Queue, Settings};
use super::variables::Variables;
use crate::backend::{Backend, BackendError, BackendErrorKind, Retention};
use crate::clock::{Clock, SystemClock};
use crate::job::{DEDUPLICATION_WINDOW, Job, PAYLOAD_BYTES_MAX, UnknownPolicy};

/// Where jobs are kept unless somebody says otherwise: a folder beside the program.
pub const DEFAULT_URL: &str = "file:./queue-data";

/// Settings of a queue. Made by [`Queue::builder`].
#[must_use = "nothing is opened before `open` is awaited"]
pub struct QueueBuilder<J: Job> {
    url: String,
    clock: Arc<dyn Clock>,
    retention: Retention,
    payload_bytes_max: usize,
    deduplication_window: Duration,
    unknown: Option<UnknownPolicy>,
    jobs: PhantomData<fn() -> J>,
}

impl<J: Job> QueueBuilder<J> {
    pub(super) fn new() -> Self {
        Self {
            url: DEFAULT_URL.to_owned(),
            clock: Arc::new(SystemClock::default()),
            retention: Retention::default(),
            payload_bytes_max: PAYLOAD_BYTES_MAX,
            deduplication_window: DEDUPLICATION_WINDOW,
            unknown: None,
            jobs: PhantomData,
        }
    }

    /// Where the jobs are kept: `file:PATH`, `memory:`, or with feature `nats` `nats://HOST`, several with commas between
    /// them; further settings of it come from the variables `QUEUE_NATS_*`. Default [`DEFAULT_URL`].
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// Takes settings from the variables that are set and not empty: `QUEUE_URL`; `QUEUE_RETENTION_COMPLETED_MS`,
    /// `QUEUE_RETENTION_COMPLETED_COUNT`, `QUEUE_RETENTION_DEAD_MS` and `QUEUE_RETENTION_DEAD_COUNT` (see [`Retention`]);
    /// `QUEUE_PAYLOAD_BYTES_MAX` (up to 1 MiB); `QUEUE_DEDUPLICATION_WINDOW_MS`; `QUEUE_UNKNOWN` (`retry`, `stop` or `ask`).
    ///
    /// # Errors
    /// `Misconfigured` names every variable that does not hold what it should.
    pub fn from_env(mut self) -> Result<Self, BackendError> {
        let mut variables = Variables {
            url: None,
            retention: self.retention,
            payload_bytes_max: self.payload_bytes_max,
            deduplication_window: self.deduplication_window,
            unknown: self.unknown,
        };
        variables.read(|name| std::env::var(name).ok())?;
        self.url = variables.url.unwrap_or(self.url);
        self.retention = variables.retention;
        self.payload_bytes_max = variables.payload_bytes_max;
        self.deduplication_window = variables.deduplication_window;
        self.unknown = variables.unknown;
        Ok(self)
    }

    /// The clock. Default: the machine's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How long terminal jobs are kept. Default: [`Retention::default`].
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// The largest payload, in bytes of JSON. Default 64 KiB.
    pub fn payload_bytes_max(mut self, bytes: usize) -> Self {
        self.payload_bytes_max = bytes;
        self
    }

    /// How long after its enqueue a completed job still holds its idempotency key. Default 24 h; zero means that a key is
    /// free as soon as its job is terminal.
    pub fn deduplication_window(mut self, window: Duration) -> Self {
        self.deduplication_window = window;
        self
    }

    /// What becomes of attempts whose outcome nobody knows, for *every* job enqueued through this handle. Default: what
    /// each kind declares.
    pub fn unknown(mut self, policy: UnknownPolicy) -> Self {
        self.unknown = Some(policy);
        self
    }

    /// Opens the store.
    ///
    /// # Errors
    /// [`BackendError`]: the address is unknown, or the store can't be opened; the text says what to do.
    pub async fn open(self) -> Result<Queue<J>, BackendError> {
        let backend = self.open_backend().await?;
        Ok(self.over(backend))
    }

    /// A queue over a store of your own.
    pub fn over(self, backend: Arc<dyn Backend>) -> Queue<J> {
        let settings = Settings {
            clock: self.clock,
            payload_bytes_max: self.payload_bytes_max,
            deduplication_window: self.deduplication_window,
            unknown: self.unknown,
        };
        Queue::from_parts(backend, settings)
    }

    async fn open_backend(&self) -> Result<Arc<dyn Backend>, BackendError> {
        let Some((scheme, rest)) = self.url.split_once(':') else {
            return Err(BackendError::new(
                BackendErrorKind::UnknownScheme,
                format!("the address has no scheme: it may be {}", known_schemes()),
            ));
        };
        match scheme.to_ascii_lowercase().as_str() {
            #[cfg(feature = "sqlite")]
            "file" | "memory" => {
                use crate::backend::{SqliteBackend, SqliteOptions};
                let options = if scheme.eq_ignore_ascii_case("memory") {
                    SqliteOptions::in_memory()
                } else if rest.is_empty() {
                    return Err(BackendError::new(
                        BackendErrorKind::UnknownScheme,
                        "`file:` needs a folder: write for example `file:./queue-data`",
                    ));
                } else {
                    SqliteOptions::in_folder(rest)
                };
                let options = options.clock(self.clock.clone()).retention(self.retention);
                Ok(Arc::new(SqliteBackend::open(options).await?))
            }
            #[cfg(feature = "nats")]
            "nats" | "tls" => {
                use crate::backend::{JetStreamBackend, JetStreamOptions};
                let options = JetStreamOptions::at(self.url.as_str())
                    .read_env()
                    .map_err(|error| {
                        BackendError::new(BackendErrorKind::Misconfigured, error.to_string())
                    })?
                    .clock(self.clock.clone())
                    .retention(self.retention);
                let backend = JetStreamBackend::open(options).await?;
                backend.prepare(J::QUEUE).await?;
                Ok(Arc::new(backend))
            }
            _ => {
                let _ = rest;
                // The scheme alone: the rest of an address may hold a password.
                Err(BackendError::new(
                    BackendErrorKind::UnknownScheme,
                    format!(
                        "no backend for `{scheme}:`; this program was built with: {}",
                        known_schemes()
                    ),
                ))
            }
        }
    }
}

/// The addresses that this program was built for.
fn known_schemes() -> &'static str {
    match (cfg!(feature = "sqlite"), cfg!(feature = "nats")) {
        (true, true) => "`file:PATH`, `memory:` or `nats://HOST`",
        (true, false) => "`file:PATH` or `memory:`",
        (false, true) => "`nats://HOST`",
        (false, false) => "none; turn on the feature `sqlite` or `nats`",
    }
}
