//! Bringing back what was set aside: requeue, by a person; unpark, by a worker that knows the kind.

use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::contention::{TRIES_MAX, contended, step_aside};
use super::finish::finish;
use super::message::{self, Carried, WIPED};
use super::query::{self, AT_ONCE};
use super::queue::QueueState;
use super::record::Record;
use super::shared::Shared;
use super::{keys, names, writing};
use crate::backend::{BackendError, EventKind, Requeued};
use crate::job::{Envelope, JobId, KindInfo, State};

/// Requeues a job. What has begun is finished, whoever still waits for it.
pub(super) async fn requeue(shared: &Arc<Shared>, id: JobId) -> Result<Requeued, BackendError> {
    let (orphans, shared) = (shared.orphans.clone(), shared.clone());
    finish(&orphans, async move { requeue_one(&shared, id).await }).await
}

async fn requeue_one(shared: &Shared, id: JobId) -> Result<Requeued, BackendError> {
    let Some(queue) = shared.queue_of(id).await? else {
        return Ok(Requeued::NotFound);
    };
    let names = &queue.names;
    for tried in 0..TRIES_MAX {
        step_aside(tried).await;
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
    Err(contended())
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

pub(super) async fn unpark(
    shared: &Arc<Shared>,
    queue: &str,
    kinds: &'static [KindInfo],
) -> Result<u64, BackendError> {
    let queue = shared.queue(queue).await?;
    let filter = queue.names.aside_all(State::Parked);
    let parked = shared.api.subjects(&queue.names.dead, &filter).await?;
    let ids: Vec<JobId> = parked
        .iter()
        .filter_map(|subject| names::job_of(subject))
        .collect();
    let adoptions = stream::iter(ids)
        .map(|id| {
            let (shared, queue) = (shared.clone(), queue.clone());
            finish(&shared.orphans.clone(), async move {
                unpark_one(&shared, &queue, id, kinds).await
            })
        })
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
