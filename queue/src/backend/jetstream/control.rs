//! Repairs: cancel, requeue, pause, resume, purge, unpark.

use std::sync::Arc;

use async_nats::jetstream::response::Response;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::json;

use super::change;
use super::count::Counts;
use super::message::{self, Carried, WIPED};
use super::names::Names;
use super::query::{self, AT_ONCE};
use super::queue::QueueState;
use super::record::Record;
use super::refusal::{refused, unanswered};
use super::settle::{self, Pending};
use super::shared::Shared;
use super::writing;
use super::{keys, names};
use crate::backend::{BackendError, Cancelled, EventKind, Requeued};
use crate::job::{Envelope, JobId, KindInfo, Priority, State};

/// When a paused consumer would go on by itself: as good as never.
const PAUSE_UNTIL: &str = "9999-01-01T00:00:00Z";

pub(super) async fn cancel(shared: &Shared, id: JobId) -> Result<Cancelled, BackendError> {
    let Some(queue) = shared.queue_of(id).await? else {
        return Ok(Cancelled::NotFound);
    };
    loop {
        let (record, sequence, envelope) = match writing::record(shared, &queue.names, id).await? {
            Some((record, sequence)) => {
                let state = record.shown_state(shared.clock.now());
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
            remove_messages(shared, &queue, id).await?;
            return Ok(if in_doubt {
                Cancelled::InDoubt
            } else {
                Cancelled::Cancelled
            });
        }
    }
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

/// Deletes everything that carries a job's body.
async fn remove_messages(
    shared: &Shared,
    queue: &QueueState,
    id: JobId,
) -> Result<(), BackendError> {
    let names = &queue.names;
    for filter in [names.schedule_of(id), names.send_of(id)] {
        // One by one: after a purge by subject, while others run, the server's count of what waits is wrong (seen on 2.15.1).
        while let Some(stored) = shared.api.last(&names.work, &filter).await? {
            shared.api.delete(&names.work, stored.sequence).await?;
        }
    }
    shared
        .api
        .purge(&names.dead, &names.aside(State::Parked, id))
        .await?;
    Ok(())
}

pub(super) async fn requeue(shared: &Shared, id: JobId) -> Result<Requeued, BackendError> {
    let Some(queue) = shared.queue_of(id).await? else {
        return Ok(Requeued::NotFound);
    };
    let names = &queue.names;
    loop {
        let now = shared.clock.now();
        let Some((record, sequence)) = writing::record(shared, names, id).await? else {
            return Ok(match query::untouched(shared, &queue, id).await? {
                Some(untouched) => Requeued::WrongState(untouched.state),
                None => Requeued::NotFound,
            });
        };
        if !matches!(record.state, State::Dead | State::Unknown | State::Parked) {
            return Ok(Requeued::WrongState(record.shown_state(now)));
        }
        let aside = names.aside(record.state, id);
        let body = shared.api.last(&names.dead, &aside).await?;
        let envelope = body
            .filter(|body| body.headers.get(WIPED).is_none())
            .and_then(|body| Envelope::decode(&body.payload).ok());
        let Some(envelope) = envelope else {
            return Ok(Requeued::Wiped);
        };
        if envelope.is_expired(now) {
            return Ok(Requeued::DeadlinePassed);
        }
        if let Some(by) = keys::retake(shared, &queue, &envelope).await? {
            return Ok(Requeued::KeyTaken { by });
        }
        if bring_back(shared, &queue, &envelope, record, sequence, 0, None).await? {
            return Ok(Requeued::Requeued);
        }
    }
}

/// Makes a job ready again that was set aside; false when its record changed meanwhile.
///
/// The message comes first: should we end in between, a worker gets it and reads from the record that it is a requeue.
async fn bring_back(
    shared: &Shared,
    queue: &Arc<QueueState>,
    envelope: &Envelope,
    record: Record,
    sequence: u64,
    attempt: u16,
    reason: Option<&str>,
) -> Result<bool, BackendError> {
    let names = &queue.names;
    let now = shared.clock.now();
    let aside = names.aside(record.state, record.id);
    let epoch = record.epoch.saturating_add(1);
    let carried = Carried { epoch, attempt };
    let message = message::ready(names, envelope, carried)?;
    let message = message.id(message::id(envelope, epoch, ""));
    shared.api.publish(message).await?;
    let mut ready = record;
    ready.state = State::Ready;
    ready.write.clear();
    ready.epoch = epoch;
    ready.attempt = attempt;
    ready.due_at = now;
    if reason.is_none() {
        // Whoever requeues has decided on it.
        ready.doubt = None;
    }
    ready.finished_at = None;
    ready.payload_bytes = envelope.payload.len();
    let event = ready.event(EventKind::Requeued, now);
    let mut writes = [(&mut ready, sequence)];
    let mut written = writing::write_all(shared, names, &mut writes, Vec::new()).await;
    let is_ours = match written.pop() {
        Some(Ok(place)) => place.is_some(),
        Some(Err(error)) => return Err(error),
        None => false,
    };
    // A worker may have started it already, from the message; then it was brought back just as well.
    let is_back = is_ours
        || (writing::record(shared, names, envelope.id).await?)
            .is_some_and(|(record, _)| record.epoch >= epoch);
    if is_back {
        shared.api.purge(&names.dead, &aside).await?;
        let mut event = event;
        event.reason = reason.map(str::to_owned);
        shared.events.send([event]);
    }
    Ok(is_back)
}

pub(super) async fn set_paused(
    shared: &Shared,
    queue: &str,
    paused: bool,
) -> Result<(), BackendError> {
    #[derive(Deserialize)]
    struct Paused {
        #[serde(rename = "paused")]
        _paused: bool,
    }
    let queue = shared.queue(queue).await?;
    for priority in Priority::ALL {
        let consumer = Names::consumer(priority);
        let subject = format!("CONSUMER.PAUSE.{}.{consumer}", queue.names.work);
        let request = if paused {
            json!({ "pause_until": PAUSE_UNTIL })
        } else {
            json!({})
        };
        match shared.api.context.request(subject, &request).await {
            Ok(Response::Ok(Paused { .. })) => {}
            Ok(Response::Err { error }) => return Err(refused(error).into()),
            Err(error) => return Err(unanswered(error)),
        }
    }
    Ok(())
}

pub(super) async fn purge(
    shared: &Shared,
    queue: &str,
    states: &[State],
) -> Result<u64, BackendError> {
    let queue = shared.queue(queue).await?;
    let ids = query::ids(shared, &queue).await?;
    let deletions = stream::iter(ids)
        .map(|id| purge_one(shared, &queue, id, states))
        .buffer_unordered(AT_ONCE);
    let mut deletions = std::pin::pin!(deletions);
    let mut deleted = 0;
    while let Some(one) = deletions.next().await {
        deleted += u64::from(one?);
    }
    Ok(deleted)
}

async fn purge_one(
    shared: &Shared,
    queue: &Arc<QueueState>,
    id: JobId,
    states: &[State],
) -> Result<bool, BackendError> {
    let names = &queue.names;
    let now = shared.clock.now();
    let stored = writing::record(shared, names, id).await?;
    let state = match &stored {
        Some((record, _)) => record.shown_state(now),
        None => match query::untouched(shared, queue, id).await? {
            Some(untouched) => untouched.state,
            None => return Ok(false),
        },
    };
    if state == State::Running || !states.contains(&state) {
        return Ok(false);
    }
    if !state.is_terminal() {
        // It must not start while it is being deleted, so it is cancelled first; its key is free then, too.
        if cancel(shared, id).await? != Cancelled::Cancelled {
            return Ok(false);
        }
        let cancelled = writing::record(shared, names, id).await?;
        return remove_record(shared, queue, cancelled).await;
    }
    remove_record(shared, queue, stored).await
}

/// Deletes the record of a job that is over, and its body; false when the record changed meanwhile.
async fn remove_record(
    shared: &Shared,
    queue: &Arc<QueueState>,
    stored: Option<(Record, u64)>,
) -> Result<bool, BackendError> {
    let Some((record, sequence)) = stored else {
        return Ok(false);
    };
    let names = &queue.names;
    if !shared.api.delete(&names.events, sequence).await? {
        return Ok(false);
    }
    if matches!(record.state, State::Dead | State::Unknown) {
        let aside = names.aside(record.state, record.id);
        shared.api.purge(&names.dead, &aside).await?;
    }
    if let Some(finished_at) = record.finished_at {
        let mut counts = Counts::default();
        let age = shared.retention.completed_age;
        counts.add(record.state, finished_at, age, -1);
        for answer in shared.api.publish_all(counts.messages(names)).await {
            answer?;
        }
    }
    Ok(true)
}

pub(super) async fn unpark(
    shared: &Shared,
    queue: &str,
    kinds: &[KindInfo],
) -> Result<u64, BackendError> {
    let queue = shared.queue(queue).await?;
    let filter = queue.names.aside_all(State::Parked);
    let parked = shared.api.subjects(&queue.names.dead, &filter).await?;
    let ids: Vec<JobId> = parked
        .iter()
        .filter_map(|subject| names::job_of(subject))
        .collect();
    let adoptions = stream::iter(ids)
        .map(|id| unpark_one(shared, &queue, id, kinds))
        .buffer_unordered(AT_ONCE);
    let mut adoptions = std::pin::pin!(adoptions);
    let mut adopted = 0;
    while let Some(one) = adoptions.next().await {
        adopted += u64::from(one?);
    }
    Ok(adopted)
}

async fn unpark_one(
    shared: &Shared,
    queue: &Arc<QueueState>,
    id: JobId,
    kinds: &[KindInfo],
) -> Result<bool, BackendError> {
    let names = &queue.names;
    let Some((record, sequence)) = writing::record(shared, names, id).await? else {
        return Ok(false);
    };
    let is_known = (kinds.iter())
        .any(|kind| kind.name == record.kind.as_str() && kind.version >= record.version);
    if record.state != State::Parked || !record.adoptable || !is_known {
        return Ok(false);
    }
    let body = (shared.api)
        .last(&names.dead, &names.aside(State::Parked, id))
        .await?;
    let Some(envelope) = body.and_then(|body| Envelope::decode(&body.payload).ok()) else {
        return Ok(false);
    };
    let attempt = record.attempt;
    let reason = Some("a worker that can decode it came along");
    bring_back(shared, queue, &envelope, record, sequence, attempt, reason).await
}
