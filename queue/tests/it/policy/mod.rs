//! Delivery policy: suppression, spend guard, quiet hours, through the worker that production uses.

mod cool_down;
mod kill_switch;
mod quiet_hours;
#[cfg(feature = "nats")]
mod server_restart;
mod snapshot;
mod spend;
mod spend_crash;
mod spend_rules;
mod spend_shared;
mod support;
mod suppression;
mod suppression_reports;
mod together;
