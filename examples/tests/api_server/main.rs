//! The example `api_server`, run as users run it: a process of its own, real HTTP, signals.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "a test says what it expects by stopping"
)]

mod contract;
mod http;
mod load;
mod nats;
mod server;
mod signals;
