//! Questions: one job, lists, statistics.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::queue::QueueState;
use super::record::Record;
use super::shared::Shared;
use super::writing;
use super::{count, keys, names, tally};
use crate::backend::{BackendError, Cursor, JobView, ListFilter, Page, Stats};
use crate::clock::Timestamp;
use crate::job::{Envelope, IdempotencyKey, JobId, Priority, State};

/// The most jobs of one page.
const PAGE_JOBS_MAX: usize = 1000;
/// How many jobs are looked up at once.
pub(super) const AT_ONCE: usize = 64;

pub(super) async fn job(shared: &Shared, id: JobId) -> Result<Option<JobView>, BackendError> {
    let mut seen = BTreeSet::new();
    for queue in shared.known_queues() {
        seen.insert(queue.names.queue.clone());
        if let Some(view) = job_of(shared, &queue, id).await? {
            return Ok(Some(view));
        }
    }
    for queue in shared.other_queues(&seen).await? {
        if let Some(view) = job_of(shared, &queue, id).await? {
            return Ok(Some(view));
        }
    }
    Ok(None)
}

/// A job of a queue: its record, or what its message says while nothing happened to it.
pub(super) async fn job_of(
    shared: &Shared,
    queue: &QueueState,
    id: JobId,
) -> Result<Option<JobView>, BackendError> {
    let now = shared.clock.now();
    if let Some((record, _)) = writing::record(shared, &queue.names, id).await? {
        return Ok(Some(record.view(now)));
    }
    match untouched(shared, queue, id).await? {
        Some(untouched) => Ok(Some(untouched.record().view(now))),
        // Between two looks it may have been started.
        None => {
            Ok((writing::record(shared, &queue.names, id).await?)
                .map(|(record, _)| record.view(now)))
        }
    }
}

/// A job to which nothing happened yet.
pub(super) struct Untouched {
    pub(super) envelope: Envelope,
    pub(super) state: State,
}

impl Untouched {
    pub(super) fn record(&self) -> Record {
        let mut record = Record::of(&self.envelope);
        record.state = self.state;
        record
    }
}

/// The message of a job without a record.
pub(super) async fn untouched(
    shared: &Shared,
    queue: &QueueState,
    id: JobId,
) -> Result<Option<Untouched>, BackendError> {
    let names = &queue.names;
    // The schedule first: what fires in between is found as ready then.
    for (subject, state) in [
        (names.schedule_of(id), State::Scheduled),
        (names.send_of(id), State::Ready),
    ] {
        let Some(stored) = shared.api.last(&names.work, &subject).await? else {
            continue;
        };
        if let Ok(envelope) = Envelope::decode(&stored.payload) {
            return Ok(Some(Untouched { envelope, state }));
        }
    }
    Ok(None)
}

pub(super) async fn find(
    shared: &Shared,
    queue: &str,
    key: &IdempotencyKey,
) -> Result<Option<JobView>, BackendError> {
    let queue = shared.queue(queue).await?;
    match keys::holder(&shared.api, &queue.names, key).await? {
        Some((holder, _)) => job_of(shared, &queue, holder.job).await,
        None => Ok(None),
    }
}

/// All jobs of a queue, in the order of enqueue. The cost grows with their number.
pub(super) async fn ids(
    shared: &Shared,
    queue: &QueueState,
) -> Result<BTreeSet<JobId>, BackendError> {
    let names = &queue.names;
    let mut ids = BTreeSet::new();
    // In this order a job that moves meanwhile is seen at its new place.
    for (stream, filter) in [
        (&names.work, names.schedule_all()),
        (&names.work, names.send_all()),
        (&names.events, names.status_all()),
    ] {
        let subjects = shared.api.subjects(stream, &filter).await?;
        ids.extend(subjects.iter().filter_map(|subject| names::job_of(subject)));
    }
    Ok(ids)
}

pub(super) async fn list(shared: &Shared, filter: &ListFilter) -> Result<Page, BackendError> {
    let queue = shared.queue(&filter.queue).await?;
    let limit = filter.limit.clamp(1, PAGE_JOBS_MAX);
    let after = filter.after.map_or(0, |Cursor(after)| after);
    let wanted = ids(shared, &queue)
        .await?
        .into_iter()
        .filter(|id| number(*id) > after);
    let views = stream::iter(wanted)
        .map(|id| job_of(shared, &queue, id))
        .buffered(AT_ONCE);
    let mut views = std::pin::pin!(views);
    let mut jobs: Vec<JobView> = Vec::new();
    while let Some(view) = views.next().await {
        let Some(view) = view? else {
            continue;
        };
        let matches = (filter.states.is_empty() || filter.states.contains(&view.state))
            && (filter.kind.as_ref()).is_none_or(|kind| *kind == view.kind)
            && (filter.tenant.is_none() || filter.tenant == view.tenant);
        if !matches {
            continue;
        }
        if jobs.len() == limit {
            let next = jobs.last().map(|job| Cursor(number(job.id)));
            return Ok(Page { jobs, next });
        }
        jobs.push(view);
    }
    Ok(Page { jobs, next: None })
}

fn number(id: JobId) -> u128 {
    u128::from_be_bytes(*id.as_bytes())
}

pub(super) async fn stats(shared: &Shared, queue: &str) -> Result<Stats, BackendError> {
    let queue = shared.queue(queue).await?;
    let names = &queue.names;
    let now = shared.clock.now();
    let mut stats = Stats::default();
    let mut paused = 0;
    for priority in Priority::ALL {
        let consumer = names::Names::consumer(priority);
        let Some(info) = shared.api.consumer(&names.work, &consumer).await? else {
            continue;
        };
        stats.ready += info.num_pending;
        stats.running += info.num_ack_pending as u64;
        paused += usize::from(info.paused);
        if info.num_pending > 0 {
            let behind = info.delivered.stream_sequence + 1;
            let oldest = oldest(shared, &queue, priority, behind, now).await?;
            stats.oldest_ready_ms = stats.oldest_ready_ms.max(oldest);
        }
    }
    stats.paused = paused == Priority::ALL.len();
    for (state, is_waiting) in tally::COUNTED {
        let (stream, filter) = match is_waiting {
            true => (&names.work, names.schedule_state(state)),
            false => (&names.dead, names.aside_all(state)),
        };
        let count = tally::tally(&shared.api, stream, &tally::consumer(state), filter).await?;
        stats.set(state, count);
    }
    let age = shared.retention.completed_age;
    for (state, sum) in count::sums(&shared.api, names, age, now).await? {
        stats.set(state, sum);
    }
    Ok(stats)
}

/// How long the first job behind `sequence` has waited, in milliseconds.
async fn oldest(
    shared: &Shared,
    queue: &Arc<QueueState>,
    priority: Priority,
    sequence: u64,
    now: Timestamp,
) -> Result<u64, BackendError> {
    let names = &queue.names;
    let filter = names.ready_filter(priority);
    let Some(stored) = shared.api.next(&names.work, sequence, &filter).await? else {
        return Ok(0);
    };
    let due_at = Envelope::decode(&stored.payload).map_or(now, |envelope| envelope.due_at);
    Ok(u64::try_from(now.since(due_at).as_millis()).unwrap_or(u64::MAX))
}
