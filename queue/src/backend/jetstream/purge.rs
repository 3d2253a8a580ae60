//! Purging: jobs are deleted with all that is known of them.

use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::cancel::{cancel_one, remove_from_work, remove_messages};
use super::count::Counts;
use super::finish::finish;
use super::query::{self, AT_ONCE};
use super::queue::QueueState;
use super::record::Record;
use super::shared::Shared;
use super::writing;
use crate::backend::{BackendError, Cancelled};
use crate::job::{JobId, State};

pub(super) async fn purge(
    shared: &Arc<Shared>,
    queue: &str,
    states: &[State],
) -> Result<u64, BackendError> {
    let queue = shared.queue(queue).await?;
    let ids = query::ids(shared, &queue).await?;
    let deletions = stream::iter(ids)
        .map(|id| {
            let (shared, queue, states) = (shared.clone(), queue.clone(), states.to_vec());
            finish(&shared.orphans.clone(), async move {
                purge_one(&shared, &queue, id, &states).await
            })
        })
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
        if cancel_one(shared, id).await? != Cancelled::Cancelled {
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
    // Without its record a message that its end left behind would start the job.
    let (id, epoch) = (record.id, record.epoch);
    match record.state {
        State::Cancelled => remove_messages(shared, queue, id, epoch).await?,
        State::Completed | State::Expired | State::Dead | State::Unknown => {
            remove_from_work(shared, queue, id, epoch).await?;
        }
        State::Scheduled
        | State::Ready
        | State::Running
        | State::Retrying
        | State::Snoozed
        | State::Parked => {}
    }
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
