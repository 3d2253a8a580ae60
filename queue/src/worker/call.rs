//! [`Call`] and [`Alarm`]: what the worker's loop waits for besides its attempts.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::clock::Clock;
use crate::future::BoxFuture;

/// At most one outstanding call.
pub(super) struct Call<T>(Option<BoxFuture<'static, T>>);

impl<T> Call<T> {
    pub(super) fn none() -> Self {
        Self(None)
    }

    pub(super) fn is_outstanding(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn begin(&mut self, call: impl Future<Output = T> + Send + 'static) {
        debug_assert!(self.0.is_none(), "one call at a time");
        self.0 = Some(Box::pin(call));
    }

    /// The answer of the outstanding call; never resolves when there is none.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(super) async fn answer(&mut self) -> T {
        poll_fn(|context| self.poll(context)).await
    }

    /// Drops the outstanding call; an answer that is there already is returned and not lost.
    pub(super) fn cancel(&mut self) -> Option<T> {
        let answer = match self.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        };
        self.0 = None;
        answer
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<T> {
        let Some(call) = &mut self.0 else {
            return Poll::Pending;
        };
        let answer = call.as_mut().poll(context);
        if answer.is_ready() {
            self.0 = None;
        }
        answer
    }
}

/// Wakes the loop at a moment of [`Clock::uptime`]. May ring early, never late.
pub(super) struct Alarm {
    clock: Arc<dyn Clock>,
    at: u64,
    sleep: Call<()>,
}

impl Alarm {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            at: u64::MAX,
            sleep: Call::none(),
        }
    }

    /// Makes it ring at `at` or before.
    pub(super) fn set(&mut self, at: Option<u64>, now: u64) {
        let Some(at) = at else { return };
        if self.sleep.is_outstanding() && self.at <= at {
            return;
        }
        self.at = at;
        let wait = Duration::from_millis(at.saturating_sub(now));
        self.sleep.0 = Some(self.clock.sleep(wait));
    }

    pub(super) async fn rings(&mut self) {
        self.sleep.answer().await;
    }
}

/// `duration` in whole milliseconds, rounded up.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[tokio::test]
    async fn a_cancelled_call_still_hands_over_an_answer_that_was_there() {
        let mut call = Call::none();
        call.begin(async { 7 });
        assert_eq!(call.cancel(), Some(7));
        call.begin(std::future::pending());
        assert_eq!(call.cancel(), None);
        assert!(!call.is_outstanding());
    }

    #[tokio::test]
    async fn an_alarm_is_moved_forward_and_not_back() {
        let clock = ManualClock::default();
        let mut alarm = Alarm::new(Arc::new(clock.clone()));
        let now = clock.uptime();
        alarm.set(Some(now + 500), now);
        alarm.set(Some(now + 100), now);
        alarm.set(Some(now + 900), now);
        clock.advance(Duration::from_millis(100));
        alarm.rings().await;
        assert!(!alarm.sleep.is_outstanding());
    }

    #[test]
    fn milliseconds_are_rounded_up() {
        assert_eq!(millis(Duration::from_micros(1)), 1);
        assert_eq!(millis(Duration::from_millis(3)), 3);
        assert_eq!(millis(Duration::MAX), u64::MAX);
    }
}
