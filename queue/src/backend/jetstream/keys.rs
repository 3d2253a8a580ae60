//! Idempotency keys: who holds one, and until when.
//!
//! A key is a message of the work stream that no consumer takes. It is stored on condition that nobody holds the key, before
//! its job ([`claim`](super::claim)) or, for a batch of jobs, in one atomic batch with them. It is replaced when the job ends:
//! freed, or held until the window ends. What it says then stays for as long as the job's record, so that the job is still
//! found by it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::api::{Api, Stored};
use super::claim::{self, Standing};
use super::contention::{TRIES_MAX, contended, step_aside};
use super::names::Names;
use super::outgoing::Outgoing;
use super::queue::QueueState;
use super::record::Record;
use super::refusal::Refusal;
use super::shared::Shared;
use crate::backend::{BackendError, BackendErrorKind, Retention};
use crate::clock::Timestamp;
use crate::job::{Envelope, IdempotencyKey, JobId, State};

/// What the message of a key says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Holder {
    pub(super) job: JobId,
    /// Until when the key is held; absent while the job lives, 0 once it is free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// The job is stored after this message, so it may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) claim: Option<Claim>,
}

/// A key that was taken before its job was stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Claim {
    /// The subject of the job once it is ready.
    pub(super) send: String,
    /// Written by another than the job's own caller: nothing is stored on this message any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) fenced: bool,
}

impl Claim {
    pub(super) fn new(send: String) -> Self {
        Self {
            send,
            fenced: false,
        }
    }

    pub(super) fn fenced(&self) -> Self {
        Self {
            fenced: true,
            ..self.clone()
        }
    }
}

impl Holder {
    /// Whether the key is taken at `now`.
    pub(super) fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }

    fn encode(&self) -> Result<Vec<u8>, BackendError> {
        serde_json::to_vec(self).map_err(|error| {
            BackendError::new(BackendErrorKind::Io, "a key's holder can't be encoded")
                .caused_by(error)
        })
    }
}

/// The message that gives a key to its job, if the subject's last message is `last`.
pub(super) fn take(
    names: &Names,
    key: &IdempotencyKey,
    job: JobId,
    last: u64,
) -> Result<Outgoing, BackendError> {
    message(names, key, job, None, last)
}

/// The message that claims a key for a job that is stored afterwards, if the subject's last message is `last`.
pub(super) fn claim(
    names: &Names,
    key: &IdempotencyKey,
    job: JobId,
    claim: Claim,
    last: u64,
) -> Result<Outgoing, BackendError> {
    message(names, key, job, Some(claim), last)
}

/// The message that gives up the claim `last`, whose job was surely not stored.
pub(super) fn given_up(
    names: &Names,
    key: &IdempotencyKey,
    job: JobId,
    last: u64,
) -> Result<Outgoing, BackendError> {
    let holder = Holder {
        job,
        until: Some(Timestamp::from_millis(0)),
        // Tells it from the key of a job that ended.
        claim: Some(Claim::new(String::new())),
    };
    Ok(Outgoing::new(names.key(key), holder.encode()?)
        .ttl(Duration::from_secs(1))
        .expect(last))
}

fn message(
    names: &Names,
    key: &IdempotencyKey,
    job: JobId,
    claim: Option<Claim>,
    last: u64,
) -> Result<Outgoing, BackendError> {
    let holder = Holder {
        job,
        until: None,
        claim,
    };
    Ok(Outgoing::new(names.key(key), holder.encode()?)
        .kept()
        .expect(last))
}

/// The last message of a key, and what it says.
pub(super) fn read(stored: &Stored) -> Option<Holder> {
    serde_json::from_slice(&stored.payload).ok()
}

/// Who holds or held a key: what the message says, and its sequence.
pub(super) async fn holder(
    api: &Api,
    names: &Names,
    key: &IdempotencyKey,
) -> Result<Option<(Holder, u64)>, BackendError> {
    let stored = api.last(&names.work, &names.key(key)).await?;
    Ok(stored.and_then(|stored| Some((read(&stored)?, stored.sequence))))
}

/// The message that says what becomes of the key of a job that ended; `None` when it has none.
pub(super) fn left(
    names: &Names,
    record: &Record,
    retention: &Retention,
    now: Timestamp,
) -> Result<Option<Outgoing>, BackendError> {
    let Some(idempotency) = &record.idempotency else {
        return Ok(None);
    };
    let keeps_key = matches!(record.state, State::Completed | State::Unknown);
    let window = Duration::from_millis(idempotency.window_ms);
    let until = if keeps_key {
        record.created_at.saturating_add(window)
    } else {
        Timestamp::from_millis(0)
    };
    let age = match record.state {
        State::Dead | State::Unknown => retention.dead_age,
        _ => retention.completed_age,
    };
    let holder = Holder {
        job: record.id,
        until: Some(until),
        claim: None,
    };
    let message =
        Outgoing::new(names.key(&idempotency.key), holder.encode()?).ttl(age.max(until.since(now)));
    Ok(Some(message))
}

/// Leaves the key of a job that ended, unless it was left before or another job has it by now.
pub(super) async fn leave(
    api: &Api,
    names: &Names,
    record: &Record,
    retention: &Retention,
    now: Timestamp,
) -> Result<(), BackendError> {
    let (Some(idempotency), Some(message)) =
        (&record.idempotency, left(names, record, retention, now)?)
    else {
        return Ok(());
    };
    let Some((holder, sequence)) = holder(api, names, &idempotency.key).await? else {
        return Ok(());
    };
    if holder.job != record.id || holder.until.is_some() {
        return Ok(());
    }
    match api.publish(message.expect(sequence)).await {
        Ok(_) | Err(Refusal::Conflict) => Ok(()),
        Err(refusal) => Err(refusal.into()),
    }
}

/// Takes the key of a job that comes back. Answers the job that has it instead.
pub(super) async fn retake(
    shared: &Shared,
    queue: &QueueState,
    envelope: &Envelope,
) -> Result<Option<JobId>, BackendError> {
    let Some(idempotency) = &envelope.idempotency else {
        return Ok(None);
    };
    let key = &idempotency.key;
    for tried in 0..TRIES_MAX {
        step_aside(tried).await;
        let last = match claim::standing(shared, queue, key, envelope.id).await? {
            Standing::Held(by) => return Ok(Some(by)),
            Standing::Free(last) | Standing::Ours(last) | Standing::Claimed(last) => last,
        };
        let take = take(&queue.names, key, envelope.id, last)?;
        match shared.api.publish(take).await {
            Ok(_) => return Ok(None),
            Err(Refusal::Conflict) => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Err(contended())
}
