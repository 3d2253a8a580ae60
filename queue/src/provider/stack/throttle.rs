//! [`Throttle`]: keeps to a provider's rate, and stops at once when the provider says so.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::verdict::is_urgent_priority;
use super::window::StartWindow;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::future::BoxFuture;
use crate::job::Priority;
use crate::provider::{
    Answer, Capacity, Inquiry, Message, Provider, ProviderError, ProviderErrorKind, Receipt,
    SendContext,
};

/// Highest count of a provider's rate limit: each start of the window is remembered, in eight bytes.
pub const PROVIDER_RATE_MAX: u32 = 100_000;
/// Of so many starts of a provider's rate one is kept for messages of priority critical and high, rounded up.
pub const RATE_RESERVE_DIVISOR: u32 = 10;
/// Below this rate nothing is kept.
pub const RATE_RESERVE_MIN: u32 = 4;
/// Shortest hold after a provider said that it is too much: one that says "after no time" must not be asked in a loop.
pub const HOLD_MIN: Duration = Duration::from_millis(100);
/// Longest hold; a provider's mistake, or its wrong clock, must not stop us for longer. A daily quota is back after it.
pub const HOLD_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// A hold is lengthened at random by up to this part of itself, so that processes that were refused together don't come
/// back together. It is never shortened.
pub const HOLD_JITTER: f64 = 0.1;

/// Keeps a provider's calls to a rate, and makes none while the provider said *throttled*.
///
/// What is over the rate is answered [`Throttled`](ProviderErrorKind::Throttled) at once, never waited for: the job is put
/// off, no attempt charged. A worker asks [`capacity`](Provider::capacity) first, so it leases no more than fits.
///
/// A tenth of the rate ([`RATE_RESERVE_DIVISOR`]) is for messages of priority critical and high only, from a rate of
/// [`RATE_RESERVE_MIN`] on: a campaign that uses up the rest delays no one-time code.
///
/// One answer *throttled* of the provider's holds all its messages, not only the one that met it: every further call would
/// be refused too, and some providers lengthen the hold for each.
pub struct Throttle<P> {
    inner: P,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    window: Option<StartWindow>,
    /// Starts that are for urgent messages only.
    reserve: usize,
    /// By [`Clock::uptime`]: a stepped wall clock changes nothing.
    held_until: u64,
}

impl<P> Throttle<P> {
    /// Only honours what the provider says.
    pub fn new(inner: P) -> Self {
        Self {
            inner,
            clock: Arc::new(SystemClock::default()),
            state: Mutex::new(State {
                window: None,
                reserve: 0,
                held_until: 0,
            }),
        }
    }

    /// Also makes at most `count` calls, 1 to [`PROVIDER_RATE_MAX`], in any window of `per`, at least 1 ms; others are
    /// clamped. Default: as many as come.
    #[must_use]
    pub fn rate(mut self, count: u32, per: Duration) -> Self {
        let count = count.clamp(1, PROVIDER_RATE_MAX);
        let state = self.state.get_mut();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        state.window = Some(StartWindow::new(count as usize, per));
        state.reserve = match count < RATE_RESERVE_MIN {
            true => 0,
            false => count.div_ceil(RATE_RESERVE_DIVISOR) as usize,
        };
        self
    }

    /// Measures by `clock`. Default: the machine's.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        self.shared_clock(Arc::new(clock))
    }

    pub(super) fn shared_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one start, or says how long there is none. What is not urgent leaves the reserve.
    fn take(&self, urgent: bool) -> Result<(), ProviderError> {
        let now = self.clock.uptime();
        let taken = {
            let mut state = self.lock();
            let kept = if urgent { 0 } else { state.reserve };
            match state.held_until.saturating_sub(now) {
                0 => state
                    .window
                    .as_mut()
                    .map_or(Ok(()), |window| window.take(now, kept)),
                held_ms => Err(held_ms),
            }
        };
        taken.map_err(|wait_ms| {
            ProviderError::throttled(
                Duration::from_millis(wait_ms),
                "kept back: the provider's rate is used up",
            )
        })
    }

    fn hear<T>(&self, answer: &Result<T, ProviderError>) {
        if let Err(error) = answer
            && let ProviderErrorKind::Throttled { after } = error.kind()
        {
            self.hold(after);
        }
    }

    fn hold(&self, after: Duration) {
        let hold = after.clamp(HOLD_MIN, HOLD_MAX);
        let hold = hold.mul_f64(1.0 + HOLD_JITTER * fastrand::f64());
        let until = self
            .clock
            .uptime()
            .saturating_add(u64::try_from(hold.as_millis()).unwrap_or(u64::MAX));
        let mut state = self.lock();
        state.held_until = state.held_until.max(until);
    }
}

impl<M: Message, P: Provider<M>> Provider<M> for Throttle<P> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn send<'a>(
        &'a self,
        message: &'a M,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async move {
            self.take(is_urgent_priority(context.priority))?;
            let answer = self.inner.send(message, context).await;
            self.hear(&answer);
            answer
        })
    }

    /// A question is a call like any other.
    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, M>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        Box::pin(async move {
            self.take(false)?;
            let answer = self.inner.inquire(inquiry).await;
            self.hear(&answer);
            answer
        })
    }

    fn capacity(&self, priority: Priority, now: Timestamp) -> Capacity {
        let uptime = self.clock.uptime();
        let closed = |ms: u64| Capacity::ClosedUntil(now.saturating_add(Duration::from_millis(ms)));
        let own = {
            let state = self.lock();
            let urgent = is_urgent_priority(priority);
            let kept = if urgent { 0 } else { state.reserve };
            match &state.window {
                _ if state.held_until > uptime => closed(state.held_until - uptime),
                Some(window) => window
                    .free(uptime, kept)
                    .map_or_else(closed, Capacity::Upto),
                None => Capacity::Open,
            }
        };
        own.and(self.inner.capacity(priority, now))
    }
}

impl<P> fmt::Debug for Throttle<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Throttle")
            .field("window", &state.window)
            .field("held_until", &state.held_until)
            .finish_non_exhaustive()
    }
}
