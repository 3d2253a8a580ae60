//! Integration tests: one binary, one module for each behaviour.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it expects by stopping, and why it skips by printing"
)]

mod ask;
mod bounded;
mod conformance;
mod delivery;
mod format;
mod kit;
mod limits;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "policy")]
mod policy;
mod records;
#[cfg(feature = "nats")]
mod records_elsewhere;
mod shared_file;
mod stack;
mod store;
mod store_faults;
mod support;
mod wire;
mod worker;
