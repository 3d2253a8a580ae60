//! Kills, freezes and restarts the harness target, and compares what it acknowledged with what the gateway saw.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what it expects by stopping, and what it saw by printing"
)]

mod at_most_once;
mod failed_writes;
mod freeze;
mod kill_loop;
mod ledger;
mod nats;
mod policy;
mod power_cut;
mod process;
mod tracer;
mod trial;
