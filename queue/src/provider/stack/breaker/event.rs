//! What a circuit breaker tells: [`BreakerEvent`] and [`BreakerSnapshot`].

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use super::state::{BreakerCause, BreakerState};
use crate::clock::Timestamp;
use crate::job::Tenant;
use crate::provider::stack::recording::contained;
use crate::telemetry::{metrics, names};

/// A circuit breaker as it is now, for a dashboard.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BreakerSnapshot {
    /// The provider's name.
    pub provider: String,
    /// The tenant, when there is a breaker for each.
    pub tenant: Option<Tenant>,
    /// Where it is. One that may let a probe through, but was not asked yet, is still open.
    pub state: BreakerState,
    /// Failures in a row.
    pub failures: u32,
    /// Failures in a row that open it.
    pub failures_threshold: u32,
    /// Calls in the window in which the failing part is measured.
    pub window_calls: u32,
    /// How many of them failed.
    pub window_failures: u32,
    /// Good probes since it is half-open.
    pub probes: u32,
    /// Good probes that close it.
    pub probes_threshold: u32,
    /// The last failure, also of a breaker that has closed since.
    pub last_failure: Option<BreakerFailure>,
    /// When the next message may go through; `None`: now.
    pub next_try: Option<Timestamp>,
}

/// A failure that a circuit breaker counted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerFailure {
    /// When.
    pub at: Timestamp,
    /// The kind of the provider's error, or `abandoned` when nobody waited for its answer.
    pub kind: &'static str,
    /// The provider's own code.
    pub code: Option<String>,
}

/// A circuit breaker changed its state.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BreakerEvent {
    /// When.
    pub at: Timestamp,
    /// Where it was.
    pub from: BreakerState,
    /// Why it opened.
    pub cause: Option<BreakerCause>,
    /// How it is after the change.
    pub breaker: BreakerSnapshot,
}

impl BreakerEvent {
    /// Where it is now.
    pub fn to(&self) -> BreakerState {
        self.breaker.state
    }

    /// Whether it begins an outage: the moment for an alarm, once. Further failed probes are no new outage.
    pub fn begins_outage(&self) -> bool {
        self.from == BreakerState::Closed
    }

    /// Whether it ends one.
    pub fn ends_outage(&self) -> bool {
        self.to() == BreakerState::Closed
    }
}

/// Hears of every change, in order.
pub(in crate::provider::stack) type BreakerObserver = Arc<dyn Fn(&BreakerEvent) + Send + Sync>;

/// Tells observers of changes in the order in which they happened, outside the breaker's lock.
#[derive(Default)]
pub(super) struct Announcer {
    observers: Vec<BreakerObserver>,
    waiting: Mutex<VecDeque<BreakerEvent>>,
    telling: Mutex<()>,
}

impl Announcer {
    pub(super) fn add(&mut self, observer: BreakerObserver) {
        self.observers.push(observer);
    }

    /// Called under the breaker's lock, so that events wait in order.
    pub(super) fn push(&self, event: BreakerEvent) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back(event);
    }

    /// Called without it.
    pub(super) fn tell(&self) {
        loop {
            // Whoever is telling looks again before it stops.
            let telling = match self.telling.try_lock() {
                Ok(telling) => telling,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            while let Some(event) = self.next() {
                log(&event);
                count(&event);
                for observer in &self.observers {
                    contained(|| observer(&event));
                }
            }
            drop(telling);
            if self.is_empty() {
                return;
            }
        }
    }

    fn next(&self) -> Option<BreakerEvent> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front()
    }

    fn is_empty(&self) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.is_empty()
    }
}

impl fmt::Debug for Announcer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcer")
            .field("observers", &self.observers.len())
            .finish_non_exhaustive()
    }
}

fn count(event: &BreakerEvent) {
    let more_open = match (event.begins_outage(), event.ends_outage()) {
        (true, _) => 1,
        (_, true) => -1,
        _ => 0,
    };
    metrics::breaker_changed(&event.breaker.provider, event.to().as_str(), more_open);
}

fn log(event: &BreakerEvent) {
    let provider = event.breaker.provider.as_str();
    let state = event.to().as_str();
    let code = (event.breaker.last_failure.as_ref()).and_then(|failure| failure.code.as_deref());
    match (event.begins_outage(), event.cause) {
        (true, Some(BreakerCause::Misconfigured)) => tracing::error!(
            { names::PROVIDER } = provider,
            { names::BREAKER_STATE } = state,
            { names::PROVIDER_CODE } = code,
            "the provider says that our settings are wrong: it is held, and its jobs wait"
        ),
        (true, cause) => tracing::warn!(
            { names::PROVIDER } = provider,
            { names::BREAKER_STATE } = state,
            { names::PROVIDER_CODE } = code,
            { names::REASON } = cause.map(BreakerCause::as_str),
            "the provider's circuit breaker opened"
        ),
        (false, _) => tracing::info!(
            { names::PROVIDER } = provider,
            { names::BREAKER_STATE } = state,
            "the provider's circuit breaker changed its state"
        ),
    }
}
