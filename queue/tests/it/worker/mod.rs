//! What a worker promises, on the real store in memory.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which the lint does not know for such"
)]

mod attempts;
mod capacity;
mod drain;
mod hooks;
mod leases;
mod provider_capacity;
mod stop;
mod support;
