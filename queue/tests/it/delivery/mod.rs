//! What became of messages after their providers took them.

mod poller;
#[cfg(feature = "push")]
mod push;
mod support;
mod tracked;
mod tracker;
