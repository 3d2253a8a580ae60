//! [`PollerHandle`]: a running poller, and how it is stopped.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::backend::{BackendError, BackendErrorKind};
use crate::clock::Clock;

/// What a poller did since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PollReport {
    /// Questions that were answered.
    pub answered: u64,
    /// Questions that failed, and are asked again.
    pub failed: u64,
    /// Messages that are not asked about any more: a report is final, asked for or pushed.
    pub settled: u64,
    /// Messages that are not asked about any more: the schedule's cut-off passed without a final report.
    pub given_up: u64,
}

/// A running poller. Dropping it stops it: calls in flight are finished in the background.
#[must_use = "dropping the handle stops the poller"]
pub struct PollerHandle {
    stop: DropGuard,
    task: JoinHandle<Result<(), BackendError>>,
    counts: Counts,
    clock: Arc<dyn Clock>,
}

impl PollerHandle {
    pub(super) fn new(
        stop: CancellationToken,
        task: JoinHandle<Result<(), BackendError>>,
        counts: Counts,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            stop: stop.drop_guard(),
            task,
            counts,
            clock,
        }
    }

    /// What it did so far.
    pub fn report(&self) -> PollReport {
        self.counts.read()
    }

    /// Asks nothing more, waits for the calls in flight for at most `grace`, and cuts off the rest. A question that was cut
    /// off is asked again, by this process or another.
    ///
    /// # Errors
    /// [`BackendError`]: why it had ended by itself.
    ///
    /// # Cancel safety
    /// Dropping the future stops the poller all the same; calls in flight are then finished in the background.
    pub async fn shutdown(mut self, grace: Duration) -> Result<PollReport, BackendError> {
        drop(self.stop);
        tokio::select! {
            biased;
            end = &mut self.task => ended(end)?,
            () = self.clock.sleep(grace) => self.task.abort(),
        }
        Ok(self.counts.read())
    }

    /// Waits until it has ended by itself: its store failed for good.
    ///
    /// # Errors
    /// [`BackendError`]: why.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing. After it resolved, it must not be called again.
    pub async fn finished(&mut self) -> Result<PollReport, BackendError> {
        ended((&mut self.task).await)?;
        Ok(self.counts.read())
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl std::fmt::Debug for PollerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PollerHandle")
            .field("report", &self.report())
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

/// The counts that poller and handle share.
#[derive(Clone, Default)]
pub(super) struct Counts(Arc<Mutex<PollReport>>);

impl Counts {
    pub(super) fn add(&self, count: impl FnOnce(&mut PollReport)) {
        count(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn read(&self) -> PollReport {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ended(
    end: Result<Result<(), BackendError>, tokio::task::JoinError>,
) -> Result<(), BackendError> {
    end.unwrap_or_else(|error| {
        let text = "the poller of delivery reports was aborted, or its source panicked";
        Err(BackendError::new(BackendErrorKind::Io, text).caused_by(error))
    })
}
