//! [`WorkerHandle`]: a running worker, and how it is stopped.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::call::millis;
use super::error::WorkerError;
use super::report::RunReport;
use crate::clock::Clock;

/// How much longer than its grace period a shutdown may take, at most: to cut off what hangs and record that.
pub const SHUTDOWN_SLACK: Duration = Duration::from_millis(250);

/// How a worker's run ended.
pub(super) type End = Result<ShutdownReport, WorkerError>;

/// A running worker. Dropping it stops the worker from taking jobs; what runs goes on and is recorded in the background.
#[must_use = "dropping the handle stops the worker from taking jobs"]
pub struct WorkerHandle {
    control: Control,
    finished: watch::Receiver<Option<End>>,
    clock: Arc<dyn Clock>,
}

/// What a shutdown found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// What became of the attempts since the worker started.
    pub run: RunReport,
    /// How many attempts still ran when the grace period ended and were cut off; those that had begun count as unknown,
    /// and their kind's policy decided.
    pub cut_off: u64,
}

impl WorkerHandle {
    pub(super) fn new(
        control: Control,
        finished: watch::Receiver<Option<End>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            control,
            finished,
            clock,
        }
    }

    /// Stops taking jobs. What runs goes on, leases are extended and outcomes recorded; [`finished`](Self::finished)
    /// resolves when all is done.
    pub fn stop(&self) {
        self.control.stop();
    }

    /// Stops taking jobs, lets running ones finish for at most `grace`, cuts off the rest, and records what became of all.
    ///
    /// Resolves within `grace` plus [`SHUTDOWN_SLACK`], whatever hangs. No attempt is charged for a job that had not begun.
    /// May be called again, and from several tasks: the earliest end of a grace period counts.
    ///
    /// # Errors
    /// [`WorkerError`]: the store failed for good, or the worker's runtime is blocked or was shut down. The store recovers
    /// the jobs of such a worker when their leases end.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing: the shutdown goes on.
    pub async fn shutdown(&self, grace: Duration) -> Result<ShutdownReport, WorkerError> {
        let cut_off = self.clock.uptime().saturating_add(millis(grace));
        self.control.shutdown(cut_off);
        // Two sleeps, so that a clock that is moved far ahead at once does not skip the slack.
        let too_late = async {
            self.clock.sleep(grace).await;
            self.clock.sleep(SHUTDOWN_SLACK).await;
        };
        tokio::select! {
            biased;
            end = self.end() => end,
            () = too_late => Err(WorkerError::unresponsive()),
        }
    }

    /// Waits until the worker has ended: after [`stop`](Self::stop) or [`shutdown`](Self::shutdown), or by itself when its
    /// store failed for good. For hosts that want to notice that.
    ///
    /// # Errors
    /// [`WorkerError`]: why it ended by itself.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn finished(&self) -> Result<RunReport, WorkerError> {
        self.end().await.map(|report| report.run)
    }

    /// Whether the worker has ended.
    pub fn is_finished(&self) -> bool {
        self.finished.borrow().is_some() || self.finished.has_changed().is_err()
    }

    async fn end(&self) -> End {
        let mut finished = self.finished.clone();
        match finished.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or_else(|| Err(WorkerError::aborted())),
            Err(_) => Err(WorkerError::aborted()),
        }
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        self.control.stop();
    }
}

impl std::fmt::Debug for WorkerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerHandle")
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

/// What a worker was told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Command {
    pub(super) stop: bool,
    /// Cut off what still runs at this moment of [`Clock::uptime`].
    pub(super) cut_off: Option<u64>,
}

/// The telling side.
pub(super) struct Control(watch::Sender<Command>);

impl Control {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Command::default()))
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Command> {
        self.0.subscribe()
    }

    fn stop(&self) {
        self.0.send_modify(|command| command.stop = true);
    }

    fn shutdown(&self, cut_off: u64) {
        self.0.send_modify(|command| {
            command.stop = true;
            command.cut_off = Some(
                command
                    .cut_off
                    .map_or(cut_off, |earlier| earlier.min(cut_off)),
            );
        });
    }
}
