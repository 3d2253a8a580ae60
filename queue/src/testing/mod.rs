//! The test kit: for applications that use queues, and for backends.
//!
//! [`TestQueue`] is a queue in memory whose time a test moves, in one of three modes:
//!
//! - **manual**: jobs stay where they are; the test asserts on what was enqueued ([`assert_enqueued!`],
//!   [`refute_enqueued!`]).
//! - **drain**: the test says when jobs run, and gets a report ([`TestQueue::run_due`], [`TestQueue::drain`]).
//! - **inline**: each job runs while it is enqueued ([`TestQueue::inline`]).
//!
//! All three run the code that production runs, over the same engine. Beside it: [`Mock`](crate::provider::Mock) remembers
//! what was sent, [`gateway::Gateway`] is a whole SMS gateway over real HTTP, [`fault::FaultyBackend`] is a store that fails
//! on demand, and [`conformance`] holds a backend of your own against every promise.

#[macro_use]
mod forward;

mod assertions;
pub mod conformance;
mod drain;
pub mod fault;
pub mod gateway;
mod inline;
#[cfg(feature = "nats")]
pub mod nats_server;
mod recorder;
mod test_queue;

pub use recorder::EnqueuedJob;
pub use test_queue::TestQueue;

#[doc(inline)]
pub use crate::{assert_enqueued, refute_enqueued};
