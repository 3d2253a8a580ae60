//! The questions that are planned, one record each: the schedule survives a restart, and several pollers share it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::schedule::PollSchedule;
use crate::backend::{BackendError, BackendErrorKind, Expect, Put, RecordKey, Records};
use crate::clock::Timestamp;
use crate::delivery::key;
use crate::delivery::stored::Origin;

/// How long a poller may take over one question before another poller may ask it: several times what a call takes.
const CLAIM: Duration = Duration::from_secs(120);
/// How many planned questions are read at once.
const PAGE: usize = 128;
/// How long a planned question outlives the last time that it could be asked.
const LEFT_OVER: Duration = Duration::from_secs(24 * 60 * 60);

/// What is stored of a planned question, as JSON; its key says when it is due, and about which message.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Planned {
    origin: Origin,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claimed_until: Option<Timestamp>,
}

/// A question that is due.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    key: RecordKey,
    revision: u64,
    expires_at: Option<Timestamp>,
    pub(super) message_id: String,
    pub(super) origin: Origin,
}

/// What is due now, and when the next look is worth while.
pub(super) struct Due {
    pub(super) entries: Vec<Entry>,
    pub(super) next: Option<Timestamp>,
}

/// Plans the first question about a message.
pub(in crate::delivery) async fn plan_first(
    records: &Arc<dyn Records>,
    schedule: &PollSchedule,
    provider: &str,
    message_id: &str,
    origin: Origin,
) -> Result<(), BackendError> {
    match schedule.next(origin.accepted_at, origin.accepted_at) {
        Some(due) => plan(records, schedule, provider, message_id, origin, due).await,
        None => Ok(()),
    }
}

async fn plan(
    records: &Arc<dyn Records>,
    schedule: &PollSchedule,
    provider: &str,
    message_id: &str,
    origin: Origin,
    due: Timestamp,
) -> Result<(), BackendError> {
    let Some(key) = key::poll(provider, due, message_id) else {
        return Ok(());
    };
    let planned = Planned {
        origin,
        claimed_until: None,
    };
    let expires_at = schedule.end(origin.accepted_at).saturating_add(LEFT_OVER);
    let value = encode(planned)?;
    records
        .put(key::POLLS, key, value, Expect::Any, Some(expires_at))
        .await?;
    Ok(())
}

/// Up to `most` questions to `provider` that are due at `now` and that nobody asks.
pub(super) async fn due(
    records: &Arc<dyn Records>,
    provider: &str,
    now: Timestamp,
    most: usize,
) -> Result<Due, BackendError> {
    let mut found = Due {
        entries: Vec::new(),
        next: None,
    };
    let mut after = key::before_polls(provider);
    loop {
        let page = records.list(key::POLLS, after, PAGE).await?;
        let full = page.len() == PAGE;
        after = page.last().map(|(key, _)| key.clone());
        for (key, record) in page {
            let Some((due, message_id)) = key::poll_of(provider, &key) else {
                return Ok(found);
            };
            if due > now {
                found.look_again(due);
                return Ok(found);
            }
            let message_id = message_id.to_owned();
            let Ok(planned) = serde_json::from_slice::<Planned>(&record.value) else {
                // A newer version's: its poller asks.
                continue;
            };
            if let Some(until) = planned.claimed_until.filter(|until| *until > now) {
                found.look_again(until);
                continue;
            }
            found.entries.push(Entry {
                key,
                revision: record.revision,
                expires_at: record.expires_at,
                message_id,
                origin: planned.origin,
            });
            if found.entries.len() >= most {
                return Ok(found);
            }
        }
        if !full {
            return Ok(found);
        }
    }
}

impl Due {
    fn look_again(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

impl Entry {
    /// Takes the question for this poller; false when another was faster.
    pub(super) async fn claim(
        &self,
        records: &Arc<dyn Records>,
        now: Timestamp,
    ) -> Result<bool, BackendError> {
        let planned = Planned {
            origin: self.origin,
            claimed_until: Some(now.saturating_add(CLAIM)),
        };
        let expect = Expect::Revision(self.revision);
        let put = records
            .put(
                key::POLLS,
                self.key.clone(),
                encode(planned)?,
                expect,
                self.expires_at,
            )
            .await?;
        Ok(matches!(put, Put::Stored { .. }))
    }

    /// Plans the question again for `due`.
    pub(super) async fn postpone(
        &self,
        records: &Arc<dyn Records>,
        schedule: &PollSchedule,
        provider: &str,
        due: Timestamp,
    ) -> Result<(), BackendError> {
        // First the new one: a crash in between asks once too often, and not never again.
        plan(
            records,
            schedule,
            provider,
            &self.message_id,
            self.origin,
            due,
        )
        .await?;
        if key::poll(provider, due, &self.message_id).as_ref() == Some(&self.key) {
            return Ok(());
        }
        self.finish(records).await?;
        Ok(())
    }

    /// The message is not asked about any more; false when another poller was faster to say so.
    pub(super) async fn finish(&self, records: &Arc<dyn Records>) -> Result<bool, BackendError> {
        records.remove(key::POLLS, self.key.clone()).await
    }
}

fn encode(planned: Planned) -> Result<Vec<u8>, BackendError> {
    serde_json::to_vec(&planned).map_err(|error| {
        BackendError::new(BackendErrorKind::Io, "a planned question can't be written")
            .caused_by(error)
    })
}
