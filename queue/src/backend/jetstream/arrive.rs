//! What becomes of work messages that arrived: read, compared with their jobs' records, started or put right.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Subject;
use futures_util::future::join_all;

use super::change::{self, Change};
use super::judge::{Arrived, Verdict, judge};
use super::keys;
use super::lane::Taken;
use super::message::Carried;
use super::queue::QueueState;
use super::record::{Record, is_unreadable};
use super::settle::{self, Pending};
use super::shared::Shared;
use super::start::Startable;
use super::writing;
use crate::backend::{BackendError, LeaseRequest};
use crate::clock::Timestamp;
use crate::job::{Envelope, JobId, State};

/// A work message that was read.
pub(super) struct Arrival {
    taken: Taken,
    envelope: Envelope,
    carried: Carried,
    /// Nobody had it before, so there is no record unless somebody interferes.
    fresh: bool,
    /// Somebody wrote the job's record while we were about to.
    is_contested: bool,
}

impl Arrival {
    /// A message whose job's record somebody else wrote first: it has to be looked at again.
    pub(super) fn contested(taken: Taken, envelope: Envelope, carried: Carried) -> Self {
        Self {
            taken,
            envelope,
            carried,
            fresh: false,
            is_contested: true,
        }
    }
}

/// Reads messages. What is not a job of ours is set aside with its bytes. Where that fails the message is given back, and the
/// second answer says why.
pub(super) async fn read(
    shared: &Shared,
    queue: &QueueState,
    taken: Vec<Taken>,
) -> (Vec<Arrival>, Option<BackendError>) {
    let (mut arrivals, mut failure) = (Vec::with_capacity(taken.len()), None);
    for taken in taken {
        let carried = Carried::read(taken.headers.as_ref());
        match Envelope::decode(&taken.payload) {
            Ok(envelope) if envelope.queue == queue.names.queue => arrivals.push(Arrival {
                fresh: taken.deliveries == 1 && carried.epoch == 0,
                is_contested: false,
                taken,
                envelope,
                carried,
            }),
            // A program that can read it may come along.
            Ok(_) | Err(_) => {
                let reply = taken.reply.clone();
                if let Err(error) = settle::foreign(shared, queue, taken).await {
                    put_back(shared, &reply, AGAIN).await;
                    failure = Some(error);
                }
            }
        }
    }
    (arrivals, failure)
}

/// What was judged.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) startable: Vec<Startable>,
    pub(super) set_aside: usize,
    /// Why some messages could not be judged. They were given back.
    pub(super) failure: Option<BackendError>,
}

/// Compares messages with their records, each for itself.
pub(super) async fn judge_all(
    shared: &Shared,
    queue: &Arc<QueueState>,
    request: &LeaseRequest,
    arrivals: Vec<Arrival>,
) -> Judged {
    let known: Vec<JobId> = (arrivals.iter())
        .filter(|arrival| !arrival.fresh)
        .map(|arrival| arrival.envelope.id)
        .collect();
    let records = known
        .into_iter()
        .map(|job| writing::record(shared, &queue.names, job));
    let mut records = join_all(records).await.into_iter();
    let now = shared.clock.now();
    let mut judged = Judged::default();
    for arrival in arrivals {
        let (id, reply) = (arrival.envelope.id, arrival.taken.reply.clone());
        let record = match arrival.fresh {
            true => Ok(None),
            false => records.next().transpose().map(Option::flatten),
        };
        let verdict = match record {
            Ok(record) => judge_one(shared, queue, request, arrival, record, now).await,
            Err(error) => Err(error),
        };
        match verdict {
            Ok(Some(startable)) => judged.startable.push(startable),
            Ok(None) => judged.set_aside += 1,
            // That one job is at fault, and no worker: it is left for who can read its record.
            Err(error) if is_unreadable(&error) => {
                tracing::warn!({ crate::telemetry::names::JOB_ID } = %id, "a job is left alone: {error}");
                put_back(shared, &reply, UNREADABLE_AGAIN).await;
                judged.set_aside += 1;
            }
            Err(error) => {
                put_back(shared, &reply, AGAIN).await;
                judged.failure = Some(error);
            }
        }
    }
    judged
}

/// When a message comes again that could not be judged.
const AGAIN: Duration = Duration::from_secs(1);
/// When a message comes again whose job's record can't be read.
const UNREADABLE_AGAIN: Duration = Duration::from_secs(60);

/// Gives a message back that nothing was written for. Where that fails it comes back by itself, a little later.
async fn put_back(shared: &Shared, reply: &Subject, delay: Duration) {
    let _ = settle::delay_message(shared, reply, delay).await;
}

/// Gives back those that failed together.
pub(super) async fn put_all_back(shared: &Shared, replies: &[Subject]) {
    for reply in replies {
        put_back(shared, reply, AGAIN).await;
    }
}

async fn judge_one(
    shared: &Shared,
    queue: &Arc<QueueState>,
    request: &LeaseRequest,
    arrival: Arrival,
    stored: Option<(Record, u64)>,
    now: Timestamp,
) -> Result<Option<Startable>, BackendError> {
    let Arrival {
        taken,
        envelope,
        carried,
        is_contested,
        ..
    } = arrival;
    let arrived = Arrived {
        slot: taken.slot,
        epoch: carried.epoch,
        is_contested,
    };
    let (record, sequence) = match stored {
        Some((record, sequence)) => (Some(record), sequence),
        None => (None, 0),
    };
    let mut verdict = judge(arrived, record.as_ref(), now);
    if let Verdict::RunsElsewhere { slot } = verdict {
        let other = shared.api.at(&queue.names.work, slot).await?;
        verdict = match other {
            Some(_) => Verdict::Superseded,
            // What it ran from is gone, so nobody will ever give it out again but us.
            None => Verdict::Lost,
        };
    }
    let is_requeued = record
        .as_ref()
        .is_none_or(|record| carried.epoch > record.epoch);
    let mut from = record.unwrap_or_else(|| Record::of(&envelope));
    match verdict {
        Verdict::Start => {
            if is_requeued {
                from.attempt = carried.attempt;
                if from.state != State::Parked {
                    // Whoever requeued it has decided on the doubt.
                    from.doubt = None;
                }
                from.epoch = carried.epoch;
                from.payload_bytes = envelope.payload.len();
            }
        }
        // When that worker dies, the server gives the message to somebody again.
        Verdict::Taken => return Ok(None),
        Verdict::Lost => {
            shared.events.send([recovered_event(&from, now)]);
            let (from, change) = change::recovered(&from, now, fastrand::f64());
            let pending = Pending::new(queue, &envelope, from, change, sequence);
            settle::apply(shared, pending.answering(taken.reply)).await?;
            return Ok(None);
        }
        Verdict::Over => {
            keys::leave(&shared.api, &queue.names, &from, &shared.retention, now).await?;
            settle::drop_message(shared, &taken.reply).await?;
            return Ok(None);
        }
        Verdict::Aside | Verdict::Superseded | Verdict::RunsElsewhere { .. } => {
            settle::drop_message(shared, &taken.reply).await?;
            return Ok(None);
        }
        Verdict::Outdated => {
            let message = change::waiting(&queue.names, &envelope, &from, now)?;
            shared.api.publish(message).await?;
            settle::drop_message(shared, &taken.reply).await?;
            return Ok(None);
        }
        Verdict::Early { due_at } => {
            settle::delay_message(shared, &taken.reply, due_at.since(now)).await?;
            return Ok(None);
        }
    }
    let change = if envelope.is_expired(now) {
        Some(change::expired(&from))
    } else if from.due_at > now {
        settle::delay_message(shared, &taken.reply, from.due_at.since(now)).await?;
        return Ok(None);
    } else {
        unknown_kind(request, &envelope)
    };
    let Some(change) = change else {
        return Ok(Some(Startable {
            taken,
            envelope,
            carried,
            record: from,
            sequence,
        }));
    };
    let pending = Pending::new(queue, &envelope, from, change, sequence);
    settle::apply(shared, pending.answering(taken.reply)).await?;
    Ok(None)
}

/// A kind that the worker can't decode is parked, for one who can.
fn unknown_kind(request: &LeaseRequest, envelope: &Envelope) -> Option<Change> {
    let known = (request.kinds.iter()).find(|kind| kind.name == envelope.kind.as_str());
    let reason = match known {
        None => "its kind is unknown to the worker that found it",
        Some(kind) if kind.version < envelope.version => {
            "its payload is of a newer version than the worker that found it knows"
        }
        Some(_) => return None,
    };
    Some(Change::Park {
        reason: reason.to_owned(),
        adoptable: true,
    })
}

fn recovered_event(record: &Record, now: Timestamp) -> crate::backend::Event {
    let mut event = record.event(crate::backend::EventKind::Recovered, now);
    event.reason = Some("its worker lost the lease".to_owned());
    event
}
