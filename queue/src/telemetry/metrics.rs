//! What is counted and measured: one function for each thing that happens.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use super::names;

/// A provider was called, and the call ended.
pub(crate) fn called(
    provider: &str,
    channel: &'static str,
    outcome: &'static str,
    latency: Duration,
) {
    let labels = [
        (names::LABEL_PROVIDER, provider.to_owned()),
        (names::LABEL_CHANNEL, channel.to_owned()),
        (names::LABEL_OUTCOME, outcome.to_owned()),
    ];
    counter!(names::PROVIDER_CALLS_TOTAL, &labels).increment(1);
    histogram!(names::PROVIDER_CALL_SECONDS, &labels).record(latency);
}

/// A provider has circuit breakers, all closed: so that a dashboard shows zero, and not nothing, until one opens.
pub(crate) fn breaker_made(provider: &str) {
    not_closed(provider, 0.0);
}

/// A circuit breaker changed its state; `more_open` are not closed now.
pub(crate) fn breaker_changed(provider: &str, state: &'static str, more_open: i8) {
    not_closed(provider, f64::from(more_open));
    let labels = [
        (names::LABEL_PROVIDER, provider.to_owned()),
        (names::LABEL_STATE, state.to_owned()),
    ];
    counter!(names::BREAKER_CHANGES_TOTAL, &labels).increment(1);
}

/// A provider's breakers are forgotten; so many of them were not closed.
pub(crate) fn breakers_gone(provider: &str, open: usize) {
    // Exact: there are never more than `BREAKER_TENANTS_MAX`.
    not_closed(provider, -(open as f64));
}

fn not_closed(provider: &str, more: f64) {
    let gauge = gauge!(names::BREAKERS_NOT_CLOSED, names::LABEL_PROVIDER => provider.to_owned());
    gauge.increment(more);
}
