//! Writing changes: bodies that are set aside, then records on their fence, then what follows, then the messages end. Also
//! the end of an attempt, which is one such change.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Subject;
use bytes::Bytes;

use super::change::{self, Change, Ending, Next};
use super::count::Counts;
use super::health::JetStreamProblem;
use super::lane::Taken;
use super::message;
use super::names::Names;
use super::outgoing::Outgoing;
use super::queue::QueueState;
use super::record::{Record, is_unreadable};
use super::refusal::unanswered;
use super::shared::Shared;
use super::writing;
use crate::backend::{BackendError, Lease, Settled, Settlement};
use crate::clock::Timestamp;
use crate::job::{Envelope, State};

/// The server's bound on a negative acknowledgement's delay is far above this; a job that came early looks again.
const DELAY_MAX: Duration = Duration::from_secs(60);

/// A change that is to be written.
pub(super) struct Pending {
    queue: Arc<QueueState>,
    envelope: Arc<Envelope>,
    from: Record,
    change: Change,
    /// The record's place in its stream, which the write depends on; 0 when there is none.
    sequence: u64,
    reply: Option<Subject>,
    /// The work message, when it can't be answered.
    slot: u64,
}

impl Pending {
    pub(super) fn new(
        queue: &Arc<QueueState>,
        envelope: &Envelope,
        from: Record,
        change: Change,
        sequence: u64,
    ) -> Self {
        Self {
            queue: queue.clone(),
            envelope: Arc::new(envelope.clone()),
            slot: from.slot,
            from,
            change,
            sequence,
            reply: None,
        }
    }

    /// The message that brought the job is answered there.
    pub(super) fn answering(mut self, reply: Subject) -> Self {
        self.reply = Some(reply);
        self
    }
}

/// Records outcomes; the answers are in the order of the batch.
pub(super) async fn settle(
    shared: &Shared,
    batch: Vec<Settlement>,
) -> Result<Vec<Settled>, BackendError> {
    let now = shared.clock.now();
    let mut answers = vec![Settled::LeaseLost; batch.len()];
    let (mut pending, mut places, mut failure) = (Vec::new(), Vec::new(), None);
    for (place, settlement) in batch.iter().enumerate() {
        let Some(hold) = hold(shared, &settlement.lease).await? else {
            continue;
        };
        let (from, change) = change::of_disposition(&hold.record, &settlement.disposition, now);
        pending.push(Pending {
            queue: hold.queue,
            envelope: hold.envelope,
            from,
            change,
            sequence: hold.fence,
            reply: hold.reply,
            slot: settlement.lease.slot,
        });
        places.push(place);
    }
    // A worker has one queue, so this is one round.
    while !pending.is_empty() {
        let queue = pending[0].queue.clone();
        let (mut group, mut group_places) = (Vec::new(), Vec::new());
        let (mut rest, mut rest_places) = (Vec::new(), Vec::new());
        for (job, place) in pending.into_iter().zip(places) {
            if Arc::ptr_eq(&job.queue, &queue) {
                group.push(job);
                group_places.push(place);
            } else {
                rest.push(job);
                rest_places.push(place);
            }
        }
        let written = apply_all(shared, group).await;
        for (place, written) in group_places.into_iter().zip(written) {
            answers[place] = match written {
                Ok(true) => Settled::Recorded,
                Ok(false) => Settled::LeaseLost,
                // Somebody else wrote it.
                Err(error) if is_unreadable(&error) => Settled::LeaseLost,
                Err(error) => {
                    failure = Some(error);
                    Settled::NotRecorded
                }
            };
            if answers[place] != Settled::NotRecorded {
                shared.held.remove(&batch[place].lease);
            }
        }
        (pending, places) = (rest, rest_places);
    }
    match failure {
        Some(error) if !answers.contains(&Settled::Recorded) => Err(error),
        Some(error) => {
            // Its text holds nothing of the jobs.
            tracing::warn!("some outcomes could not be recorded and will be tried again: {error}");
            Ok(answers)
        }
        None => Ok(answers),
    }
}

/// The hold behind a lease: this process's own, or made anew from what is stored.
async fn hold(shared: &Shared, lease: &Lease) -> Result<Option<super::held::Hold>, BackendError> {
    if let Some(hold) = shared.held.get(lease) {
        return Ok(Some(hold));
    }
    let (queue, record, sequence) = match shared.find_record(lease.job).await {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(None),
        // Somebody else wrote it.
        Err(error) if is_unreadable(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    if record.state != State::Running || sequence != lease.fence {
        return Ok(None);
    }
    let Some(stored) = shared.api.at(&queue.names.work, record.slot).await? else {
        return Ok(None);
    };
    let Ok(envelope) = Envelope::decode(&stored.payload) else {
        return Ok(None);
    };
    Ok(Some(super::held::Hold {
        queue,
        envelope: Arc::new(envelope),
        record: Arc::new(record),
        fence: sequence,
        reply: None,
        lease_until: 0,
        kept_until: 0,
    }))
}

/// Writes one change; false when somebody else changed the job first.
pub(super) async fn apply(shared: &Shared, pending: Pending) -> Result<bool, BackendError> {
    let written = apply_all(shared, vec![pending]).await.pop();
    written.unwrap_or(Ok(false))
}

/// A change that is on its way.
struct Changing {
    next: Next,
    sequence: u64,
    reply: Option<Subject>,
    slot: u64,
    is_written: bool,
}

/// A change that is on its way, or why it is not.
type Step = Result<Changing, BackendError>;

/// Writes changes of one queue, step by step for all of them at once, but each for itself: a job whose step fails takes none of
/// the others with it. Answers for each whether it is written; false when somebody else changed the job first.
pub(super) async fn apply_all(
    shared: &Shared,
    pending: Vec<Pending>,
) -> Vec<Result<bool, BackendError>> {
    let Some(queue) = pending.first().map(|first| first.queue.clone()) else {
        return Vec::new();
    };
    let (names, now) = (&queue.names, shared.clock.now());
    let begin = |job| begin(shared, names, job, now);
    let mut steps: Vec<Step> = pending.into_iter().map(begin).collect();
    publish_for(shared, &mut steps, |job| job.next.before.take()).await;
    write_records(shared, names, &mut steps, now).await;
    publish_for(shared, &mut steps, |job| match job.is_written {
        true => std::mem::take(&mut job.next.after),
        false => Vec::new(),
    })
    .await;
    let is_observed = shared.events.is_observed();
    for step in &mut steps {
        let Ok(job) = step.as_ref() else { continue };
        if !job.is_written {
            continue;
        }
        if let Err(error) = end_message(shared, names, job).await {
            *step = Err(error);
            continue;
        }
        if let Some(name) = job.next.event.filter(|_| is_observed) {
            let mut event = job.next.record.event(name, now);
            event.reason.clone_from(&job.next.record.reason);
            shared.events.send([event]);
        }
    }
    let written = steps.into_iter();
    written.map(|step| step.map(|job| job.is_written)).collect()
}

fn begin(shared: &Shared, names: &Names, job: Pending, now: Timestamp) -> Step {
    let mut next = change::next(
        names,
        &job.envelope,
        job.from,
        job.change,
        &shared.retention,
        now,
    )?;
    if job.sequence > 0 {
        // The same change again, after its answer was lost, is known again by its name.
        next.record.write = shared.name_of(job.sequence, next.record.state);
    }
    Ok(Changing {
        next,
        sequence: job.sequence,
        reply: job.reply,
        slot: job.slot,
        is_written: false,
    })
}

/// Stores messages of each job that got so far. A job one of whose messages is not stored gets no further.
async fn publish_for<M>(
    shared: &Shared,
    steps: &mut [Step],
    mut messages: impl FnMut(&mut Changing) -> M,
) where
    M: IntoIterator<Item = Outgoing>,
{
    let (mut owners, mut all) = (Vec::new(), Vec::new());
    for (place, step) in steps.iter_mut().enumerate() {
        if let Ok(job) = step {
            for message in messages(job) {
                owners.push(place);
                all.push(message);
            }
        }
    }
    let answers = shared.api.publish_all(all).await;
    for (place, answer) in owners.into_iter().zip(answers) {
        if let Err(refusal) = answer {
            steps[place] = Err(refusal.into());
        }
    }
}

/// Writes the records of all jobs that got so far.
async fn write_records(shared: &Shared, names: &Names, steps: &mut [Step], now: Timestamp) {
    let age = shared.retention.completed_age;
    let (mut owners, mut writes) = (Vec::new(), Vec::new());
    let mut counts = Counts::default();
    for (place, step) in steps.iter_mut().enumerate() {
        if let Ok(job) = step {
            counts.add(job.next.record.state, now, age, 1);
            owners.push(place);
            writes.push((&mut job.next.record, job.sequence));
        }
    }
    // The counters go with the records, and are put right when a record is not written: they are no promise, and a round to
    // the server is a third of what a settlement takes.
    let fences = writing::write_all(shared, names, &mut writes, counts.messages(names)).await;
    let mut not_counted = Counts::default();
    for (place, fence) in owners.into_iter().zip(fences) {
        let Ok(job) = &mut steps[place] else { continue };
        job.is_written = matches!(fence, Ok(Some(_)));
        if !job.is_written {
            not_counted.add(job.next.record.state, now, age, -1);
        }
        if let Err(error) = fence {
            steps[place] = Err(error);
        }
    }
    shared.api.publish_all(not_counted.messages(names)).await;
}

/// Tells the server what becomes of the message that brought a job.
async fn end_message(shared: &Shared, names: &Names, job: &Changing) -> Result<(), BackendError> {
    match (&job.reply, job.next.ending) {
        (Some(reply), Ending::Drop) => drop_message(shared, reply).await,
        (Some(reply), Ending::GiveBack) => answer(shared, reply, Bytes::from_static(b"-NAK")).await,
        (None, Ending::Drop) if job.slot > 0 => {
            shared.api.delete(&names.work, job.slot).await.map(drop)
        }
        // Its acknowledgement is overdue by then, and the server gives it out again by itself.
        (None, Ending::Drop | Ending::GiveBack) => Ok(()),
    }
}

/// The message is not needed any more.
pub(super) async fn drop_message(shared: &Shared, reply: &Subject) -> Result<(), BackendError> {
    answer(shared, reply, Bytes::from_static(b"+ACK")).await
}

/// The message is to come back later.
pub(super) async fn delay_message(
    shared: &Shared,
    reply: &Subject,
    delay: Duration,
) -> Result<(), BackendError> {
    let nanos = delay.min(DELAY_MAX).as_nanos();
    let text = format!("-NAK {{\"delay\": {nanos}}}");
    answer(shared, reply, text.into()).await
}

/// A lost answer costs a redelivery, and the record says then what it was.
async fn answer(shared: &Shared, reply: &Subject, text: Bytes) -> Result<(), BackendError> {
    (shared.api.context.client())
        .publish(reply.clone(), text)
        .await
        .map_err(unanswered)
}

/// A message that is no job of ours: kept with its bytes for a person, and out of the way.
pub(super) async fn foreign(
    shared: &Shared,
    queue: &QueueState,
    taken: Taken,
) -> Result<(), BackendError> {
    let mut copy = Outgoing::new(queue.names.foreign(taken.slot), taken.payload.clone());
    if let Some(headers) = &taken.headers {
        // Without those that the server acts on.
        copy = copy.with_all(headers, |name| {
            !name.starts_with("Nats-") && name != message::WIPED
        });
    }
    let copy = copy
        .id(format!("{}:foreign:{}", queue.names.work, taken.slot))
        .ttl(shared.retention.dead_age);
    shared.api.publish(copy).await?;
    let stream = queue.names.work.clone();
    let board = &shared.connection.board;
    board.notice(JetStreamProblem::ForeignMessage { stream });
    if shared.first_foreign() {
        tracing::warn!(
            { crate::telemetry::names::QUEUE } = queue.names.queue,
            sequence = taken.slot,
            "a message in the stream is not a job; it and later ones are set aside in the dead-letter stream"
        );
    }
    answer(shared, &taken.reply, Bytes::from_static(b"+TERM not a job")).await
}
