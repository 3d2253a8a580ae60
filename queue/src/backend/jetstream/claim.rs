//! One job with an idempotency key, stored by two plain publishes instead of an atomic batch, which costs ten times as much on
//! the server: first the key, as a *claim*, then the job on condition that the claim is still the key's last message.
//!
//! Between the two a caller may die. Then the key names a job that never came. Whoever wants the key looks for that job, waits
//! a little, and writes the claim anew as a *fence*: from then on its job can't be stored any more, so a second look is final.
//! If the job is there, the key is its; if not, the key is free. A caller that was only slow is refused by the fence, and
//! claims again. So at any moment the key's last message names the one job that has it, or one that will never exist.

use std::time::Duration;

use futures_util::future::try_join3;
use tokio::time::Instant;

use super::enqueue::{CONFLICTS_MAX, work};
use super::keys::{self, Claim, Holder};
use super::names::Names;
use super::queue::QueueState;
use super::refusal::Refusal;
use super::shared::Shared;
use crate::backend::{BackendError, Enqueued};
use crate::job::{Envelope, IdempotencyKey, JobId, State};

/// How long a claim is left to its caller before it is fenced. A publish takes a millisecond; one that is fenced while it is
/// on its way is only refused, and made again.
const CLAIM_WAIT: Duration = Duration::from_secs(1);
/// The pauses between two looks for the job of a claim, doubled from the first to the second.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(64));

/// What a key is to a job that wants it. The number is the place of the key's last message, 0 when there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody has it.
    Free(u64),
    /// The job has it, and is or was stored.
    Ours(u64),
    /// The job has claimed it, and did not come yet.
    Claimed(u64),
    /// Another job has it.
    Held(JobId),
}

/// Stores a job and its key, once however often it is called.
pub(super) async fn enqueue(
    shared: &Shared,
    queue: &QueueState,
    job: &Envelope,
    key: &IdempotencyKey,
) -> Result<Enqueued, BackendError> {
    let names = &queue.names;
    let send = names.send(job.priority, job.tenant.as_ref(), job.id);
    // Nobody holds most keys, so the first try asks nobody.
    let (mut last, mut is_ours) = (0, false);
    for _ in 0..CONFLICTS_MAX {
        let claim = keys::claim(names, key, job.id, Claim::new(send.clone()), last)?;
        match shared.api.publish(claim).await {
            Ok(claimed) => {
                // An earlier claim's job may have come just before this one replaced it.
                if is_ours && is_stored(shared, names, job.id, &send).await? {
                    return Ok(Enqueued::Accepted);
                }
                let message = work(shared, queue, job)?;
                let message = message.expect_of(&names.key(key), claimed);
                match shared.api.publish(message).await {
                    Ok(_) => return Ok(Enqueued::Accepted),
                    Err(Refusal::Conflict | Refusal::Repeated) => {}
                    // It may be stored: who wants the key finds out.
                    Err(Refusal::Unheard(error)) => return Err(error),
                    Err(Refusal::Store(error)) => {
                        let given_up = keys::given_up(names, key, job.id, claimed)?;
                        // Without it the next caller waits a second.
                        let _ = shared.api.publish(given_up).await;
                        return Err(error);
                    }
                }
            }
            Err(Refusal::Conflict) => {}
            Err(refusal) => return Err(refusal.into()),
        }
        match standing(shared, queue, key, job.id).await? {
            Standing::Ours(_) => return Ok(Enqueued::Accepted),
            Standing::Held(of) => return Ok(Enqueued::Duplicate { of }),
            Standing::Claimed(sequence) => (last, is_ours) = (sequence, true),
            Standing::Free(sequence) => (last, is_ours) = (sequence, false),
        }
    }
    Err(Refusal::Conflict.into())
}

/// Finds out what a key is to `job`. Another's claim is waited for, and fenced when its job does not come.
pub(super) async fn standing(
    shared: &Shared,
    queue: &QueueState,
    key: &IdempotencyKey,
    job: JobId,
) -> Result<Standing, BackendError> {
    let names = &queue.names;
    let mut pause = LOOK_AGAIN.0;
    let mut since = (0, Instant::now());
    loop {
        let Some((holder, sequence)) = keys::holder(&shared.api, names, key).await? else {
            return Ok(Standing::Free(0));
        };
        if since.0 != sequence {
            since = (sequence, Instant::now());
        }
        let is_live = holder.holds(shared.clock.now());
        let claim = match &holder.claim {
            Some(claim) if is_live => claim,
            // The job never came, and its caller said so.
            Some(_) => return Ok(Standing::Free(sequence)),
            None if holder.job == job => return Ok(Standing::Ours(sequence)),
            None if is_live => return Ok(Standing::Held(holder.job)),
            None => return Ok(Standing::Free(sequence)),
        };
        let has_come = is_stored(shared, names, holder.job, &claim.send).await?;
        if holder.job == job {
            return Ok(match has_come {
                true => Standing::Ours(sequence),
                false => Standing::Claimed(sequence),
            });
        }
        if has_come {
            return Ok(Standing::Held(holder.job));
        }
        if claim.fenced {
            return Ok(Standing::Free(sequence));
        }
        if since.1.elapsed() < CLAIM_WAIT {
            tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
            pause = (pause * 2).min(LOOK_AGAIN.1);
            continue;
        }
        fence(shared, names, key, &holder, claim, sequence).await?;
    }
}

/// Writes a claim anew, so that the job it was made for can't be stored on it any more.
async fn fence(
    shared: &Shared,
    names: &Names,
    key: &IdempotencyKey,
    holder: &Holder,
    claim: &Claim,
    sequence: u64,
) -> Result<(), BackendError> {
    let fence = keys::claim(names, key, holder.job, claim.fenced(), sequence)?;
    match shared.api.publish(fence).await {
        // Somebody else was first: whatever it is, it is looked at.
        Ok(_) | Err(Refusal::Conflict) => Ok(()),
        Err(refusal) => Err(refusal.into()),
    }
}

/// Whether a job was ever stored. A job moves from schedule to lane to record, so it is looked for in this order, one after
/// the other: what moves meanwhile is found at its next place.
async fn is_stored(
    shared: &Shared,
    names: &Names,
    job: JobId,
    send: &str,
) -> Result<bool, BackendError> {
    let (api, work) = (&shared.api, &names.work);
    let schedule = names.schedule(State::Scheduled, job);
    let status = names.status(job);
    // Most jobs are found by the first look, at all places at once.
    let (record, ready, scheduled) = try_join3(
        api.last(&names.events, &status),
        api.last(work, send),
        api.last(work, &schedule),
    )
    .await?;
    Ok(record.is_some()
        || ready.is_some()
        || scheduled.is_some()
        || api.last(work, &schedule).await?.is_some()
        || api.last(work, send).await?.is_some()
        || api.last(&names.events, &status).await?.is_some())
}
