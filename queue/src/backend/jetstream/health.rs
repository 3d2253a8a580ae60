//! [`Health`]: what is wrong between the queue and its servers, as far as it is known.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::guarantee::Guarantee;
use super::store::JetStreamBackend;

/// How long a problem is shown that was noticed in passing, and that no check can find again.
pub(super) const NOTICED_FOR: Duration = Duration::from_secs(30);

/// What is wrong, and what is promised. Empty of problems, everything is well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// What is wrong, the gravest first.
    pub problems: Vec<JetStreamProblem>,
    /// What an acknowledged enqueue survives, for each stream of jobs.
    pub guarantees: Vec<Guarantee>,
}

impl Health {
    /// Whether nothing is wrong.
    pub fn is_well(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Something between the queue and its servers that is not as it should be.
///
/// Seen within 10 s, most at once. What can be mended without risk is mended: connections, consumers and the stream of
/// counters are made anew. A stream of jobs or of records that is gone is not: its jobs are gone with it, and only a person
/// can tell whether that was meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum JetStreamProblem {
    /// There is no connection; a new one is tried for ever.
    Disconnected,
    /// The server refuses the credentials since they worked.
    CredentialsRefused,
    /// The server that is connected to now is older than the library works with.
    ServerTooOld {
        /// Its version.
        version: String,
    },
    /// A permission is missing.
    PermissionDenied {
        /// What it is for, without tenants, keys and jobs: `publish to sms.send`.
        operation: String,
    },
    /// A stream is gone.
    StreamMissing {
        /// Its name.
        stream: String,
    },
    /// A stream was changed so that the queue can't work with it.
    StreamChanged {
        /// Its name.
        stream: String,
        /// The server's names of the settings.
        settings: Vec<&'static str>,
    },
    /// A consumer is gone and could not be made anew.
    ConsumerMissing {
        /// The stream's name.
        stream: String,
    },
    /// A queue holds as much as it may: enqueues are refused until workers drained some.
    QueueFull {
        /// The stream of its jobs.
        stream: String,
    },
    /// The account may store no more, but for a reserve that workers drain with.
    AccountFull,
    /// The server takes smaller messages than jobs may be.
    PayloadLimitLow {
        /// What it takes, in bytes.
        limit_bytes: usize,
        /// What a job may need, in bytes.
        needed_bytes: usize,
    },
    /// A message in a stream is not ours; it was set aside.
    ForeignMessage {
        /// The stream's name.
        stream: String,
    },
    /// The server does not answer though there is a connection.
    Unanswered,
}

impl JetStreamProblem {
    /// The problem's name, for logs and metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::CredentialsRefused => "credentials_refused",
            Self::ServerTooOld { .. } => "server_too_old",
            Self::PermissionDenied { .. } => "permission_denied",
            Self::StreamMissing { .. } => "stream_missing",
            Self::StreamChanged { .. } => "stream_changed",
            Self::ConsumerMissing { .. } => "consumer_missing",
            Self::QueueFull { .. } => "queue_full",
            Self::AccountFull => "account_full",
            Self::PayloadLimitLow { .. } => "payload_limit_low",
            Self::ForeignMessage { .. } => "foreign_message",
            Self::Unanswered => "unanswered",
        }
    }
}

impl fmt::Display for JetStreamProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected => f.write_str("no connection to a NATS server"),
            Self::CredentialsRefused => f.write_str("the NATS server refuses the credentials"),
            Self::ServerTooOld { version } => write!(f, "the NATS server is {version}, too old"),
            Self::PermissionDenied { operation } => {
                write!(f, "the NATS user may not {operation}")
            }
            Self::StreamMissing { stream } => write!(f, "stream {stream} is gone"),
            Self::StreamChanged { stream, settings } => {
                write!(f, "stream {stream} was changed: {}", settings.join(", "))
            }
            Self::ConsumerMissing { stream } => {
                write!(f, "a consumer of stream {stream} is gone and can't be made")
            }
            Self::QueueFull { stream } => write!(f, "stream {stream} is full"),
            Self::AccountFull => f.write_str("the NATS account is full"),
            Self::PayloadLimitLow {
                limit_bytes,
                needed_bytes,
            } => write!(
                f,
                "the NATS server takes {limit_bytes} bytes, a job may need {needed_bytes}"
            ),
            Self::ForeignMessage { stream } => {
                write!(f, "a message in stream {stream} is not a job of ours")
            }
            Self::Unanswered => f.write_str("the NATS server does not answer"),
        }
    }
}

impl JetStreamBackend {
    /// What is wrong between the queue and its servers, what they promise, and how both change.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::Arc;
    ///
    /// use queue::backend::{JetStreamBackend, JetStreamOptions};
    /// use queue::{Queue, SmsJob};
    ///
    /// let backend = JetStreamBackend::open(JetStreamOptions::from_env()?).await?;
    /// let mut health = backend.health();
    /// let queue = Queue::<SmsJob>::builder().over(Arc::new(backend));
    /// while let Some(health) = health.changed().await {
    ///     println!("{:?}", health.problems);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn health(&self) -> HealthWatch {
        self.shared.connection.health()
    }
}

/// Shows the health and its changes.
#[derive(Clone, Debug)]
pub struct HealthWatch(watch::Receiver<Health>);

impl HealthWatch {
    /// The health now.
    pub fn current(&self) -> Health {
        self.0.borrow().clone()
    }

    /// Waits until the health differs from what this watch last showed, and shows it. `None` when the store is closed.
    ///
    /// # Cancel safety
    /// Nothing is lost: the next call answers at once.
    pub async fn changed(&mut self) -> Option<Health> {
        self.0.changed().await.ok()?;
        Some(self.0.borrow_and_update().clone())
    }
}

/// Where problems are written down.
pub(super) struct Board {
    known: Mutex<BTreeMap<JetStreamProblem, Option<Instant>>>,
    shown: watch::Sender<Health>,
}

impl Board {
    pub(super) fn new() -> Self {
        Self {
            known: Mutex::new(BTreeMap::new()),
            shown: watch::Sender::new(Health::default()),
        }
    }

    pub(super) fn watch(&self) -> HealthWatch {
        HealthWatch(self.shown.subscribe())
    }

    /// A problem that lasts until [`clear`](Self::clear) or the next complete check.
    pub(super) fn set(&self, problem: JetStreamProblem) {
        self.known().insert(problem, None);
        self.show(Instant::now());
    }

    /// A problem that was noticed in passing, and is shown for a while after it was last noticed.
    pub(super) fn notice(&self, problem: JetStreamProblem) {
        let now = Instant::now();
        self.known().insert(problem, Some(now + NOTICED_FOR));
        self.show(now);
    }

    /// Takes back all problems that `which` names.
    pub(super) fn clear(&self, which: impl Fn(&JetStreamProblem) -> bool) {
        self.known().retain(|problem, _| !which(problem));
        self.show(Instant::now());
    }

    /// Puts what a complete check found in the place of what the last one found.
    pub(super) fn checked(&self, found: Vec<JetStreamProblem>, guarantees: Vec<Guarantee>) {
        let now = Instant::now();
        {
            let mut known = self.known();
            known.retain(|problem, until| {
                until.is_some() || matches!(problem, JetStreamProblem::Disconnected)
            });
            known.extend(found.into_iter().map(|problem| (problem, None)));
        }
        self.shown.send_if_modified(|health| {
            for guarantee in &guarantees {
                if !health.guarantees.contains(guarantee) {
                    match guarantee.is_weak() {
                        true => tracing::warn!("{guarantee}"),
                        false => tracing::info!("{guarantee}"),
                    }
                }
            }
            let changed = health.guarantees != guarantees;
            health.guarantees = guarantees;
            changed
        });
        self.show(now);
    }

    fn show(&self, now: Instant) {
        let problems: Vec<_> = {
            let mut known = self.known();
            known.retain(|_, until| until.is_none_or(|until| now < until));
            known.keys().cloned().collect()
        };
        self.shown.send_if_modified(|health| {
            if health.problems == problems {
                return false;
            }
            for problem in problems.iter().filter(|p| !health.problems.contains(p)) {
                tracing::warn!(problem = problem.as_str(), "{problem}");
            }
            for problem in health.problems.iter().filter(|p| !problems.contains(p)) {
                tracing::info!(problem = problem.as_str(), "mended: {problem}");
            }
            health.problems = problems;
            true
        });
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<JetStreamProblem, Option<Instant>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> JetStreamProblem {
        JetStreamProblem::StreamMissing {
            stream: "SMS".to_owned(),
        }
    }

    #[test]
    fn a_check_replaces_what_the_last_one_found_and_nothing_else() {
        let board = Board::new();
        let watch = board.watch();
        board.set(JetStreamProblem::Disconnected);
        board.notice(JetStreamProblem::AccountFull);
        board.checked(vec![missing()], Vec::new());
        let all = vec![
            JetStreamProblem::Disconnected,
            missing(),
            JetStreamProblem::AccountFull,
        ];
        assert_eq!(watch.current().problems, all);
        board.checked(Vec::new(), Vec::new());
        board.clear(|problem| *problem == JetStreamProblem::Disconnected);
        assert_eq!(watch.current().problems, [JetStreamProblem::AccountFull]);
        board.show(Instant::now() + NOTICED_FOR * 2);
        assert!(watch.current().is_well());
    }

    #[tokio::test]
    async fn a_watch_wakes_for_changes_only() {
        let board = Board::new();
        let mut watch = board.watch();
        board.set(missing());
        board.set(missing());
        assert_eq!(watch.changed().await.unwrap().problems, [missing()]);
        assert!(!watch.0.has_changed().unwrap());
        drop(board);
        assert_eq!(watch.changed().await, None);
    }
}
