//! The rate that all workers of a queue share: the window of the embedded engine, kept in one message and written by
//! compare-and-set.
//!
//! A counter for each slot of time takes more writes a second than that, but would change what the limit means: a window kept
//! in counters can't be read and written in one step, so only a fixed part of the limit could be taken in each slot. One
//! write takes the budget of a whole lease call, so there are few of them.

use std::time::Duration;

use tokio::time::Instant;

use super::outgoing::Outgoing;
use super::queue::QueueState;
use super::refusal::Refusal;
use super::shared::Shared;
use super::start::millis;
use crate::backend::rate::{Window, Windows};
use crate::backend::{BackendError, RateLimit};

/// How often a write is tried anew because another worker was first.
const CONFLICTS_MAX: u32 = 50;

/// How long this process believes that none is left. Others give back what they did not use.
const BELIEVED_MAX: Duration = Duration::from_secs(5);

/// The pause after too many conflicts.
const CONFLICTS_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Until when this process need not ask.
pub(super) fn blocked(queue: &QueueState) -> Option<Instant> {
    let mut blocked = queue
        .rate_blocked
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    blocked.take_if(|until| *until <= Instant::now());
    *blocked
}

/// Starts that were taken.
#[derive(Clone, Copy)]
pub(super) struct Granted {
    pub(super) count: usize,
    /// Where in the window they are.
    slot: u64,
}

/// Takes up to `want` starts. Where none is left, notes until when.
pub(super) async fn take(
    shared: &Shared,
    queue: &QueueState,
    limit: RateLimit,
    want: usize,
) -> Result<Option<Granted>, BackendError> {
    let want = u32::try_from(want).unwrap_or(u32::MAX);
    let taken = change(shared, queue, limit, |window, now_ms| {
        let count = window.take(limit, now_ms, want)? as usize;
        let slot = window.newest();
        Ok(Granted { count, slot })
    })
    .await?;
    match taken {
        Ok(granted) => Ok(Some(granted)),
        Err(wait) => {
            *queue
                .rate_blocked
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) =
                Some(Instant::now() + wait.min(BELIEVED_MAX));
            Ok(None)
        }
    }
}

/// Gives starts back that were taken and not used.
pub(super) async fn give_back(
    shared: &Shared,
    queue: &QueueState,
    limit: RateLimit,
    granted: Granted,
    unused: usize,
) -> Result<(), BackendError> {
    let unused = u32::try_from(unused).unwrap_or(u32::MAX);
    change(shared, queue, limit, |window, _| {
        // Not from where others took theirs meanwhile: more would start than the limit allows.
        window.give_back(granted.slot, unused);
        Ok(())
    })
    .await?
    .map_or(Ok(()), Ok)
}

/// Reads the window, changes it, and writes it if nobody else did meanwhile. A change that takes nothing is not written.
async fn change<T>(
    shared: &Shared,
    queue: &QueueState,
    limit: RateLimit,
    change: impl Fn(&mut Window, u64) -> Result<T, Duration>,
) -> Result<Result<T, Duration>, BackendError> {
    let subject = queue.names.rate();
    for tried in 0..CONFLICTS_MAX {
        if tried > 0 {
            let pause = Duration::from_micros(200 * u64::from(tried.min(20)));
            tokio::time::sleep(pause.mul_f64(fastrand::f64() + 0.5)).await;
        }
        let stored = shared.api.last(&queue.names.events, &subject).await?;
        let (bytes, sequence) = match &stored {
            Some(stored) => (Some(stored.payload.as_slice()), stored.sequence),
            None => (None, 0),
        };
        let mut windows = Windows::load(bytes);
        let window = windows.of(limit);
        let now_ms = now_ms(shared, window, limit);
        let result = change(window, now_ms);
        if result.is_err() {
            return Ok(result);
        }
        let message = Outgoing::new(subject.clone(), windows.encode(now_ms))
            .kept()
            .expect(sequence);
        match shared.api.publish(message).await {
            Ok(_) => return Ok(result),
            Err(Refusal::Conflict) => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    // Somebody takes them all, again and again: there is none for us now.
    Ok(Err((limit.per / 20).min(CONFLICTS_PAUSE_MAX)))
}

/// The wall clock, which machines share more or less: whoever is behind takes the time of who is ahead, so that nobody's
/// starts are forgotten. A clock that is ahead by more than the whole window is wrong, and not followed.
fn now_ms(shared: &Shared, window: &Window, limit: RateLimit) -> u64 {
    let here = u64::try_from(shared.clock.now().as_millis()).unwrap_or(0);
    let there = window.latest_ms();
    if there.saturating_sub(here) <= millis(limit.per) {
        here.max(there)
    } else {
        here
    }
}
