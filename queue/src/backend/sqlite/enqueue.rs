//! The write path of a job, up to its durability point: the commit of the transaction it runs in.

use rusqlite::params;

use super::error::full;
use super::keys;
use super::row::{state_code, unknown_code};
use super::txn::{Subject, Txn};
use crate::backend::{BackendError, Enqueued, EventKind};
use crate::job::{Envelope, RecipientKey, State};

/// Stores a batch; the answers are in its order.
pub(super) fn enqueue(
    txn: &mut Txn<'_>,
    batch: &[Envelope],
) -> Result<Vec<Enqueued>, BackendError> {
    if txn.is_short_of_room {
        return Err(full());
    }
    batch
        .iter()
        .map(|envelope| enqueue_one(txn, envelope))
        .collect()
}

fn enqueue_one(txn: &mut Txn<'_>, envelope: &Envelope) -> Result<Enqueued, BackendError> {
    let queue = txn.queue_id(&envelope.queue)?;
    if let Some(idempotency) = &envelope.idempotency {
        let holder = keys::holder(txn, queue, idempotency.key.as_str())?;
        if let Some(of) = holder.filter(|holder| *holder != envelope.id) {
            return Ok(Enqueued::Duplicate { of });
        }
    }
    let state = if envelope.due_at > txn.now {
        State::Scheduled
    } else {
        State::Ready
    };
    if !insert(txn, queue, state, envelope)? {
        // The same envelope again: its first answer was lost, so give it once more.
        return Ok(Enqueued::Accepted);
    }
    if let Some(idempotency) = &envelope.idempotency {
        keys::take(txn, queue, idempotency, envelope.id, envelope.created_at)?;
    }
    txn.count(queue, None, Some(state));
    let subject = Subject {
        queue,
        id: envelope.id,
        kind: envelope.kind.as_str(),
        key: envelope
            .idempotency
            .as_ref()
            .map(|idempotency| idempotency.key.as_str()),
        attempt: 0,
    };
    txn.event(EventKind::Enqueued, &subject, None)?;
    // A scheduled job wakes a worker too: it may have to wake up earlier than it planned.
    txn.wake(queue);
    Ok(Enqueued::Accepted)
}

/// Whether the row is new.
fn insert(
    txn: &Txn<'_>,
    queue: i64,
    state: State,
    envelope: &Envelope,
) -> Result<bool, BackendError> {
    let inserted = txn.execute(
            "INSERT INTO queue_jobs (id, queue, state, priority, due_at, deadline, created_at, version, max_attempts,
                 unknown, secret, kind, key, key_window, tenant, trace, metadata, payload, recipient)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
             ON CONFLICT (id) DO NOTHING",
        params![
            envelope.id,
            queue,
            state_code(state),
            envelope.priority.index() as i64,
            envelope.due_at,
            envelope.deadline,
            envelope.created_at,
            envelope.version,
            envelope.max_attempts,
            unknown_code(envelope.unknown),
            envelope.secret,
            envelope.kind.as_str(),
            envelope
                .idempotency
                .as_ref()
                .map(|idempotency| idempotency.key.as_str()),
            envelope
                .idempotency
                .as_ref()
                .map(|idempotency| i64::try_from(idempotency.window_ms).unwrap_or(i64::MAX)),
            envelope.tenant.as_ref().map(|tenant| tenant.as_str()),
            envelope
                .trace
                .as_ref()
                .and_then(|trace| serde_json::to_string(trace).ok()),
            (!envelope.metadata.is_empty())
                .then(|| serde_json::to_string(&envelope.metadata).ok())
                .flatten(),
            envelope.payload,
            envelope.recipient.as_ref().map(RecipientKey::as_bytes),
        ],
    )?;
    Ok(inserted == 1)
}
