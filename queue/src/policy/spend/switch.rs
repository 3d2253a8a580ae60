//! The kill switch: stops all sending of a guard, in every process that shares the store.

use serde::{Deserialize, Serialize};

use super::guard::SpendGuard;
use crate::backend::{BackendError, BackendErrorKind, Expect, RecordKey, Space};
use crate::clock::Timestamp;
use crate::job::clip_reason;
use crate::telemetry::names;

/// Where the switches are.
const SPACE: Space = Space::new("spend_switch");

/// That sending was stopped, since when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stopped {
    /// Since when.
    pub since: Timestamp,
    /// Why, as it was told to [`SpendGuard::stop`].
    pub reason: String,
}

impl SpendGuard {
    /// Stops all sending through this guard, and through all guards of its name on the same store, in every process, from
    /// each message that is not yet on its way. Jobs are put off, no attempt is charged; those with a deadline expire.
    /// Lasts until [`resume`](Self::resume), over restarts too. `reason` is for people, at most 512 bytes, without personal
    /// data.
    ///
    /// # Errors
    /// [`BackendError`] of the store.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it stopped or not.
    pub async fn stop(&self, reason: &str) -> Result<(), BackendError> {
        let stopped = Stopped {
            since: self.now(),
            reason: clip_reason(reason),
        };
        let value = serde_json::to_vec(&stopped).map_err(|error| {
            BackendError::new(BackendErrorKind::Io, "the stop can't be written as JSON")
                .caused_by(error)
        })?;
        self.records()
            .put(SPACE, self.switch_key(), value, Expect::Any, None)
            .await?;
        tracing::warn!(
            { names::SPEND_GUARD } = self.name_key().as_str(),
            { names::REASON } = stopped.reason,
            "all sending was stopped"
        );
        Ok(())
    }

    /// Lets messages go again, and says whether they were stopped. Jobs that were put off come back within a minute or two.
    ///
    /// # Errors
    /// [`BackendError`] of the store.
    ///
    /// # Cancel safety
    /// Dropping the future leaves it stopped or not.
    pub async fn resume(&self) -> Result<bool, BackendError> {
        let was_stopped = self.records().remove(SPACE, self.switch_key()).await?;
        self.opened();
        Ok(was_stopped)
    }

    /// That sending is stopped; `None` when it is not.
    ///
    /// # Errors
    /// [`BackendError`] of the store.
    pub async fn stopped(&self) -> Result<Option<Stopped>, BackendError> {
        let found = self.records().get(SPACE, self.switch_key()).await?;
        Ok(
            found.map(|record| match serde_json::from_slice(&record.value) {
                Ok(stopped) => stopped,
                // Whatever is there, somebody meant to stop.
                Err(_) => Stopped {
                    since: self.now(),
                    reason: "unreadable".to_owned(),
                },
            }),
        )
    }

    fn switch_key(&self) -> RecordKey {
        self.name_key().clone()
    }
}
