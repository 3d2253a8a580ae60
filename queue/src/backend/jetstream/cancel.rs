//! Cancelling: the record first, then the key and the messages.

use std::sync::Arc;

use super::contention::{TRIES_MAX, contended, step_aside};
use super::finish::finish;
use super::message::Carried;
use super::queue::QueueState;
use super::record::Record;
use super::settle::{self, Pending};
use super::shared::Shared;
use super::{change, keys, query, writing};
use crate::backend::{BackendError, Cancelled};
use crate::job::{Envelope, JobId, State};

/// Cancels a job. What has begun is finished, whoever still waits for it.
pub(super) async fn cancel(shared: &Arc<Shared>, id: JobId) -> Result<Cancelled, BackendError> {
    let (orphans, shared) = (shared.orphans.clone(), shared.clone());
    finish(&orphans, async move { cancel_one(&shared, id).await }).await
}

pub(super) async fn cancel_one(shared: &Shared, id: JobId) -> Result<Cancelled, BackendError> {
    let Some(queue) = shared.queue_of(id).await? else {
        return Ok(Cancelled::NotFound);
    };
    for tried in 0..TRIES_MAX {
        step_aside(tried).await;
        let (record, sequence, envelope) = match writing::record(shared, &queue.names, id).await? {
            Some((record, sequence)) => {
                let now = shared.clock.now();
                let state = record.shown_state(now);
                if matches!(state, State::Cancelled | State::Unknown) {
                    // Whoever cancelled it may have failed in the middle.
                    let names = &queue.names;
                    keys::leave(&shared.api, names, &record, &shared.retention, now).await?;
                    remove_messages(shared, &queue, id, record.epoch).await?;
                }
                if !state.may_become(State::Cancelled) {
                    return Ok(Cancelled::TooLate(state));
                }
                (record, sequence, None)
            }
            None => match query::untouched(shared, &queue, id).await? {
                Some(untouched) => (untouched.record(), 0, Some(untouched.envelope)),
                // Between two looks it may have been started.
                None if writing::record(shared, &queue.names, id).await?.is_some() => continue,
                None => return Ok(Cancelled::NotFound),
            },
        };
        let in_doubt = record.doubt.is_some();
        let envelope = match envelope {
            Some(envelope) => envelope,
            // It ends unknown, and its body stays for the person who decides.
            None if in_doubt => match body(shared, &queue, &record).await? {
                Some(envelope) => envelope,
                // Between two looks it moved.
                None => continue,
            },
            None => bare(&record),
        };
        let pending = Pending::new(
            &queue,
            &envelope,
            record.clone(),
            change::cancelled(&record),
            sequence,
        );
        if settle::apply(shared, pending).await? {
            // No attempt begins any more; what is left of it only takes room.
            remove_messages(shared, &queue, id, record.epoch).await?;
            return Ok(if in_doubt {
                Cancelled::InDoubt
            } else {
                Cancelled::Cancelled
            });
        }
    }
    Err(contended())
}

/// The envelope of a job that waits or is parked, with its body.
async fn body(
    shared: &Shared,
    queue: &QueueState,
    record: &Record,
) -> Result<Option<Envelope>, BackendError> {
    if record.state != State::Parked {
        let waiting = query::untouched(shared, queue, record.id).await?;
        return Ok(waiting.map(|waiting| waiting.envelope));
    }
    let aside = queue.names.aside(State::Parked, record.id);
    let stored = shared.api.last(&queue.names.dead, &aside).await?;
    Ok(stored.and_then(|stored| Envelope::decode(&stored.payload).ok()))
}

/// What a change needs of an envelope whose body is not looked at.
fn bare(record: &Record) -> Envelope {
    let mut envelope = Envelope::new(
        record.queue.clone(),
        record.kind.clone(),
        record.version,
        b"{}".to_vec(),
        record.created_at,
    );
    envelope.id = record.id;
    envelope.idempotency.clone_from(&record.idempotency);
    envelope
}

/// Deletes everything that carries a job's body, up to its message number `epoch`.
pub(super) async fn remove_messages(
    shared: &Shared,
    queue: &QueueState,
    id: JobId,
    epoch: u32,
) -> Result<(), BackendError> {
    remove_from_work(shared, queue, id, epoch).await?;
    let names = &queue.names;
    shared
        .api
        .purge(&names.dead, &names.aside(State::Parked, id))
        .await?;
    Ok(())
}

/// Deletes the messages that make a job start, up to number `epoch`: a later one is of somebody who requeues it.
pub(super) async fn remove_from_work(
    shared: &Shared,
    queue: &QueueState,
    id: JobId,
    epoch: u32,
) -> Result<(), BackendError> {
    let names = &queue.names;
    for filter in [names.schedule_of(id), names.send_of(id)] {
        // One by one: after a purge by subject, while others run, the server's count of what waits is wrong (seen on 2.15.1).
        for tried in 0.. {
            let Some(stored) = shared.api.last(&names.work, &filter).await? else {
                break;
            };
            if Carried::read(Some(&stored.headers)).epoch > epoch {
                break;
            }
            if tried == TRIES_MAX {
                return Err(contended());
            }
            step_aside(tried).await;
            shared.api.delete(&names.work, stored.sequence).await?;
        }
    }
    Ok(())
}
