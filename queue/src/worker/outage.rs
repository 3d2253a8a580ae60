//! [`Outage`]: a backend that refuses for a while: said once, waited for with growing delays.

use std::time::Duration;

use super::call::millis;
use crate::backend::{BackendError, BackendErrorKind};
use crate::retry::Backoff;
use crate::telemetry::names;

/// Delays between calls to a backend that fails: 50 ms, 100 ms, … up to 2 s, ±50 %, so that workers of many processes
/// don't come back together and service resumes soon after the store does.
const OUTAGE_BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(50),
    cap: Duration::from_secs(2),
    jitter: 0.5,
};

/// One operation's failures in a row.
pub(super) struct Outage {
    operation: &'static str,
    queue: &'static str,
    kind: Option<BackendErrorKind>,
    failures: u16,
    until: u64,
}

impl Outage {
    pub(super) fn none(operation: &'static str, queue: &'static str) -> Self {
        Self {
            operation,
            queue,
            kind: None,
            failures: 0,
            until: 0,
        }
    }

    /// The call failed; it is not to be made again before [`until`](Self::until).
    pub(super) fn failed(&mut self, error: &BackendError, now: u64) {
        self.failures = self.failures.saturating_add(1);
        self.until =
            now.saturating_add(millis(OUTAGE_BACKOFF.delay(self.failures, fastrand::f64())));
        // Once for each change: an outage of an hour is one line, not 1,800.
        if self.kind != Some(error.kind()) {
            self.kind = Some(error.kind());
            tracing::warn!(
                { names::QUEUE } = self.queue,
                { names::ERROR_KIND } = error.kind().as_str(),
                operation = self.operation,
                "the store refuses, the worker will try again: {error}"
            );
        }
    }

    pub(super) fn worked(&mut self) {
        if self.kind.take().is_some() {
            tracing::info!(
                { names::QUEUE } = self.queue,
                operation = self.operation,
                failures = self.failures,
                "the store works again"
            );
        }
        self.failures = 0;
        self.until = 0;
    }

    /// Holds the call back without a failure.
    pub(super) fn hold(&mut self, until: u64) {
        self.until = until;
    }

    /// When the call may be made again, on [`Clock::uptime`](crate::clock::Clock::uptime); a past moment means now.
    pub(super) fn until(&self) -> u64 {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_cap_and_end_with_the_outage() {
        let mut outage = Outage::none("lease", "test");
        let error = BackendError::new(BackendErrorKind::Full, "full");
        let mut longest = 0;
        for _ in 0..200 {
            outage.failed(&error, 1_000);
            let wait = outage.until() - 1_000;
            assert!((25..=3_000).contains(&wait), "{wait} ms");
            longest = longest.max(wait);
        }
        assert!(longest > 1_000);
        outage.worked();
        assert_eq!(outage.until(), 0);
        outage.failed(&error, 1_000);
        assert!(outage.until() <= 1_075);
    }
}
