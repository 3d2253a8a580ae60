//! The write path of a job, up to its durability point: the server's acknowledgement.

use std::collections::{HashMap, VecDeque};

use futures_util::future::try_join_all;

use super::claim::{self, Standing};
use super::keys;
use super::message::{self, Carried};
use super::outgoing::Outgoing;
use super::queue::QueueState;
use super::record::Record;
use super::refusal::Refusal;
use super::shared::Shared;
use super::store::ENQUEUE_BATCH_MAX;
use crate::backend::{BackendError, BackendErrorKind, Enqueued, EventKind};
use crate::job::{Envelope, IdempotencyKey, State};

/// How often a batch is sorted anew because others took or freed its keys meanwhile.
pub(super) const CONFLICTS_MAX: u32 = 32;

/// Stores a batch; the answers are in its order.
pub(super) async fn enqueue(
    shared: &Shared,
    batch: Vec<Envelope>,
) -> Result<Vec<Enqueued>, BackendError> {
    if batch.len() > ENQUEUE_BATCH_MAX {
        return Err(BackendError::new(
            BackendErrorKind::BatchTooLarge,
            format!(
                "{} jobs in one batch, at most {ENQUEUE_BATCH_MAX} are allowed: split it",
                batch.len()
            ),
        ));
    }
    if let [job] = batch.as_slice()
        && !shared.events.is_observed()
    {
        let queue = shared.queue(&job.queue).await?;
        return enqueue_to(shared, &queue, &[job]).await;
    }
    let mut answers = vec![Enqueued::Accepted; batch.len()];
    let mut of_queue: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, envelope) in batch.iter().enumerate() {
        of_queue.entry(&envelope.queue).or_default().push(place);
    }
    for (queue, places) in of_queue {
        let queue = shared.queue(queue).await?;
        let jobs: Vec<&Envelope> = places.iter().map(|&place| &batch[place]).collect();
        let answered = enqueue_to(shared, &queue, &jobs).await?;
        for (place, answer) in places.into_iter().zip(answered) {
            answers[place] = answer;
        }
    }
    if shared.events.is_observed() {
        let now = shared.clock.now();
        let accepted = (batch.iter().zip(&answers))
            .filter(|(_, answer)| **answer == Enqueued::Accepted)
            .map(|(envelope, _)| Record::of(envelope).event(EventKind::Enqueued, now));
        shared.events.send(accepted);
    }
    Ok(answers)
}

/// Whether the batch is stored by one publish, and nobody has to be told of it.
pub(super) fn is_one_publish(shared: &Shared, batch: &[Envelope]) -> bool {
    matches!(batch, [job] if job.idempotency.is_none()) && !shared.events.is_observed()
}

async fn enqueue_to(
    shared: &Shared,
    queue: &QueueState,
    jobs: &[&Envelope],
) -> Result<Vec<Enqueued>, BackendError> {
    queue
        .room
        .take(&shared.api, &queue.names, jobs.len())
        .await?;
    if let [job] = jobs {
        return Ok(vec![enqueue_one(shared, queue, job).await?]);
    }
    let mut answers = vec![None; jobs.len()];
    let stands_for = decide_within(jobs);
    // Nobody holds most keys, so the first try asks nobody.
    let mut last_of_key: HashMap<&IdempotencyKey, u64> = HashMap::new();
    for _ in 0..CONFLICTS_MAX {
        let wanted: Vec<usize> = (0..jobs.len())
            .filter(|&place| answers[place].is_none() && stands_for[place].is_none())
            .collect();
        if wanted.is_empty() {
            break;
        }
        let messages = Messages {
            shared,
            queue,
            jobs: wanted.iter().map(|&place| jobs[place]).collect(),
            last_of_key: &last_of_key,
            keyed: None,
        };
        match shared.api.publish_batch(messages).await {
            Ok(_) => {
                for place in wanted {
                    answers[place] = Some(Enqueued::Accepted);
                }
                break;
            }
            // Some of it is stored already: the same call again after its answer was lost. Job by job then, each of
            // them at most once.
            Err(Refusal::Repeated) => {
                for place in wanted {
                    answers[place] = Some(enqueue_one(shared, queue, jobs[place]).await?);
                }
                break;
            }
            Err(Refusal::Conflict | Refusal::Unheard(_)) => {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                ask_keys(shared, queue, jobs, &wanted, &mut answers, &mut last_of_key).await?;
            }
            Err(Refusal::Store(error)) => return Err(error),
        }
    }
    follow_within(jobs, &stands_for, &mut answers);
    let answers = answers.into_iter().collect::<Option<Vec<_>>>();
    answers.ok_or_else(|| {
        BackendError::new(
            BackendErrorKind::Io,
            "the server does not take the batch; the same call may be made again",
        )
    })
}

/// What became of those that another job of the batch stands for: the same as of that one.
fn follow_within(
    jobs: &[&Envelope],
    stands_for: &[Option<usize>],
    answers: &mut [Option<Enqueued>],
) {
    for (place, job) in jobs.iter().enumerate() {
        let Some(other) = stands_for[place] else {
            continue;
        };
        let of = match answers[other] {
            Some(Enqueued::Accepted) => jobs[other].id,
            Some(Enqueued::Duplicate { of }) => of,
            None => continue,
        };
        // The same job once more.
        answers[place] = Some(match of == job.id {
            true => Enqueued::Accepted,
            false => Enqueued::Duplicate { of },
        });
    }
}

/// The messages of a batch: each job, and before it its key where it has one.
struct Messages<'a> {
    shared: &'a Shared,
    queue: &'a QueueState,
    jobs: VecDeque<&'a Envelope>,
    last_of_key: &'a HashMap<&'a IdempotencyKey, u64>,
    /// The job whose key was the last message.
    keyed: Option<&'a Envelope>,
}

impl Iterator for Messages<'_> {
    type Item = Result<Outgoing, BackendError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(job) = self.keyed.take() {
            return Some(work(self.shared, self.queue, job));
        }
        let job = self.jobs.pop_front()?;
        let Some(idempotency) = &job.idempotency else {
            return Some(work(self.shared, self.queue, job));
        };
        self.keyed = Some(job);
        let last = self.last_of_key.get(&idempotency.key).copied();
        let names = &self.queue.names;
        Some(keys::take(
            names,
            &idempotency.key,
            job.id,
            last.unwrap_or(0),
        ))
    }
}

/// For each job of a batch the place of the one before it that stands for it: the same job, or the first under its key.
fn decide_within(jobs: &[&Envelope]) -> Vec<Option<usize>> {
    let (mut keys, mut ids) = (HashMap::new(), HashMap::new());
    let places = jobs.iter().enumerate();
    places
        .map(|(place, job)| {
            let first = *ids.entry(job.id).or_insert(place);
            if first != place {
                return Some(first);
            }
            let idempotency = job.idempotency.as_ref()?;
            let first = *keys.entry(&idempotency.key).or_insert(place);
            (first != place).then_some(first)
        })
        .collect()
}

/// Finds out who holds the keys of the batch, and how those that are free are taken.
async fn ask_keys<'a>(
    shared: &Shared,
    queue: &QueueState,
    jobs: &[&'a Envelope],
    wanted: &[usize],
    answers: &mut [Option<Enqueued>],
    last_of_key: &mut HashMap<&'a IdempotencyKey, u64>,
) -> Result<(), BackendError> {
    let keyed: Vec<(usize, &'a IdempotencyKey)> = (wanted.iter())
        .filter_map(|&place| Some((place, &jobs[place].idempotency.as_ref()?.key)))
        .collect();
    let found = try_join_all(
        (keyed.iter()).map(|(place, key)| claim::standing(shared, queue, key, jobs[*place].id)),
    )
    .await?;
    for ((place, key), standing) in keyed.into_iter().zip(found) {
        match standing {
            // The batch was stored, and only its answer was lost.
            Standing::Ours(_) => answers[place] = Some(Enqueued::Accepted),
            Standing::Held(of) => answers[place] = Some(Enqueued::Duplicate { of }),
            Standing::Free(sequence) | Standing::Claimed(sequence) => {
                last_of_key.insert(key, sequence);
            }
        }
    }
    Ok(())
}

/// Stores one job, once however often it is called.
async fn enqueue_one(
    shared: &Shared,
    queue: &QueueState,
    job: &Envelope,
) -> Result<Enqueued, BackendError> {
    if let Some(idempotency) = &job.idempotency {
        return claim::enqueue(shared, queue, job, &idempotency.key).await;
    }
    shared.api.publish(work(shared, queue, job)?).await?;
    Ok(Enqueued::Accepted)
}

/// The message of a new job.
pub(super) fn work(
    shared: &Shared,
    queue: &QueueState,
    job: &Envelope,
) -> Result<Outgoing, BackendError> {
    let carried = Carried::default();
    let message = if job.due_at > shared.clock.now() {
        message::scheduled(&queue.names, job, State::Scheduled, job.due_at, carried)?
    } else {
        message::ready(&queue.names, job, carried)?
    };
    Ok(message.id(message::id(job, 0, "")))
}
