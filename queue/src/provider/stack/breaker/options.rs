//! [`BreakerOptions`]: when a circuit breaker opens and closes.

use std::time::Duration;

/// Failures in a row that open a breaker unless told otherwise.
pub const BREAKER_FAILURES: u32 = 5;
/// The part of the calls in [`BREAKER_WINDOW`] that opens a breaker when it fails, unless told otherwise.
pub const BREAKER_RATIO: f64 = 0.5;
/// Below this many calls in the window the part says nothing, unless told otherwise.
pub const BREAKER_RATIO_CALLS: u32 = 20;
/// The window in which the part is measured, unless told otherwise.
pub const BREAKER_WINDOW: Duration = Duration::from_secs(60);
/// How long a breaker stays open before it lets a probe through, unless told otherwise.
pub const BREAKER_OPEN: Duration = Duration::from_secs(60);
/// Good probes that close a breaker, unless told otherwise.
pub const BREAKER_PROBES: u32 = 2;
/// Shortest time a breaker is open.
pub const BREAKER_OPEN_MIN: Duration = Duration::from_millis(100);
/// Most tenants that a breaker for each keeps apart; more share one.
pub const BREAKER_TENANTS_MAX: usize = 10_000;

/// Whose failures open a breaker, and whose messages it stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BreakerScope {
    /// Everybody's: the account at the provider is one.
    #[default]
    Provider,
    /// Each tenant's its own: tenants have accounts, or sender ids, of their own. Jobs without a tenant share one.
    Tenant,
}

/// When a circuit breaker opens and closes. The defaults are those of the package that this library replaces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerOptions {
    pub(super) failures: u32,
    pub(super) ratio: f64,
    pub(super) ratio_calls: u32,
    pub(super) window: Duration,
    pub(super) open: Duration,
    pub(super) probes: u32,
    pub(super) scope: BreakerScope,
}

impl BreakerOptions {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            failures: BREAKER_FAILURES,
            ratio: BREAKER_RATIO,
            ratio_calls: BREAKER_RATIO_CALLS,
            window: BREAKER_WINDOW,
            open: BREAKER_OPEN,
            probes: BREAKER_PROBES,
            scope: BreakerScope::Provider,
        }
    }

    /// So many failures in a row open it, at least 1. Default: [`BREAKER_FAILURES`].
    #[must_use]
    pub fn failures(mut self, failures: u32) -> Self {
        self.failures = failures.max(1);
        self
    }

    /// Also opens when this part of the last calls failed, above 0 to 1, once there were `calls` in `window`. More than 1
    /// never opens it. Default: [`BREAKER_RATIO`] of [`BREAKER_RATIO_CALLS`] in [`BREAKER_WINDOW`].
    #[must_use]
    pub fn ratio(mut self, ratio: f64, calls: u32, window: Duration) -> Self {
        // What is no number never opens it.
        self.ratio = if ratio > 0.0 { ratio } else { f64::INFINITY };
        self.ratio_calls = calls.max(1);
        self.window = window;
        self
    }

    /// How long it stays open, at least [`BREAKER_OPEN_MIN`]. Default: [`BREAKER_OPEN`].
    #[must_use]
    pub fn open(mut self, open: Duration) -> Self {
        self.open = open.max(BREAKER_OPEN_MIN);
        self
    }

    /// So many good probes, one after the other, close it, at least 1. Default: [`BREAKER_PROBES`].
    #[must_use]
    pub fn probes(mut self, probes: u32) -> Self {
        self.probes = probes.max(1);
        self
    }

    /// Whose failures open it. Default: everybody's.
    #[must_use]
    pub fn scope(mut self, scope: BreakerScope) -> Self {
        self.scope = scope;
        self
    }
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self::new()
    }
}
