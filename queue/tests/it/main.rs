//! Integration tests: one binary, one module for each behaviour.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it expects by stopping, and why it skips by printing"
)]

mod ask;
mod conformance;
mod format;
mod kit;
mod limits;
#[cfg(feature = "nats")]
mod nats;
mod records;
mod shared_file;
mod store_faults;
mod support;
mod wire;
mod worker;
