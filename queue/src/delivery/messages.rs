//! [`Messages`]: what is stored of messages, read and written.

use std::sync::Arc;
use std::time::Duration;

use super::builder::EARLY_AGE;
use super::key;
use super::stored::{Origin, Stored};
use super::view::MessageDelivery;
use crate::backend::{BackendError, BackendErrorKind, Expect, Put, RecordKey, Records};
use crate::clock::Timestamp;
use crate::job::JobId;

/// Most messages of a job that are shown: more than any job has attempts worth reading.
const MESSAGES_SHOWN: usize = 256;

/// What is stored of messages.
pub(super) struct Messages {
    pub(super) records: Arc<dyn Records>,
    pub(super) retention: Duration,
}

impl Messages {
    /// What is stored under `key`, and what a [`replace`](Self::replace) of it expects.
    pub(super) async fn read(
        &self,
        key: &RecordKey,
    ) -> Result<(Expect, Option<Stored>), BackendError> {
        let Some(record) = self.records.get(key::MESSAGES, key.clone()).await? else {
            return Ok((Expect::Absent, None));
        };
        let stored = serde_json::from_slice(&record.value).map_err(|error| {
            let text = "what is stored of a message can't be read: a newer version wrote it";
            BackendError::new(BackendErrorKind::Corrupt, text).caused_by(error)
        })?;
        Ok((Expect::Revision(record.revision), Some(stored)))
    }

    /// Stores `next`; false when somebody else was faster.
    pub(super) async fn replace(
        &self,
        key: &RecordKey,
        next: &Stored,
        expect: Expect,
        now: Timestamp,
    ) -> Result<bool, BackendError> {
        let expires_at = match next.origin {
            Some(origin) => self.expiry(origin),
            None => now.saturating_add(EARLY_AGE),
        };
        let value = serde_json::to_vec(next).map_err(|error| {
            BackendError::new(BackendErrorKind::Io, "a delivery can't be written").caused_by(error)
        })?;
        let put = self
            .records
            .put(key::MESSAGES, key.clone(), value, expect, Some(expires_at))
            .await?;
        Ok(matches!(put, Put::Stored { .. }))
    }

    /// Stores what leads from a job to its message.
    pub(super) async fn link(
        &self,
        origin: Origin,
        message: &RecordKey,
    ) -> Result<(), BackendError> {
        let Some(key) = key::job(origin.job, origin.attempt, message) else {
            return Ok(());
        };
        let expires_at = Some(self.expiry(origin));
        self.records
            .put(key::JOBS, key, Vec::new(), Expect::Any, expires_at)
            .await?;
        Ok(())
    }

    /// The messages of a job.
    pub(super) async fn of_job(&self, job: JobId) -> Result<Vec<MessageDelivery>, BackendError> {
        let links = self
            .records
            .list(key::JOBS, key::before_job(job), MESSAGES_SHOWN)
            .await?;
        let mut messages = Vec::new();
        for key in links
            .iter()
            .map_while(|(link, _)| key::message_of(job, link))
        {
            let (_, stored) = self.read(&key).await?;
            let view = stored.and_then(|stored| stored.view());
            messages.extend(view.filter(|view| view.job == job));
        }
        Ok(messages)
    }

    fn expiry(&self, origin: Origin) -> Timestamp {
        origin.accepted_at.saturating_add(self.retention)
    }
}
