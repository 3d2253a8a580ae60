//! The provider stack: what it sends, through whom, and what it leaves alone.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which the lint does not know for such"
)]

mod breaker;
#[cfg(all(feature = "salum", feature = "twilio"))]
mod elsewhere;
mod failover;
#[cfg(all(feature = "salum", feature = "twilio", feature = "africas-talking"))]
mod hostile;
#[cfg(all(feature = "salum", feature = "twilio", feature = "africas-talking"))]
mod matrix;
mod metrics;
mod outage;
mod recording;
mod support;
mod throttle;
mod time_left;
