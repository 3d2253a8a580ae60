//! Taking jobs out: [`Worker`] leases jobs, runs a [`Handler`] on each, and records what became of them.
//!
//! One task holds all state of a worker; each attempt is a task of its own, so that a handler that panics, hangs or blocks
//! its thread costs its own job and nothing else. What the worker decides is in pure functions beside the loop.

mod adopt;
mod attempts;
mod builder;
mod call;
mod capacity;
mod decide;
mod error;
mod execute;
mod fetch;
mod function;
mod handler;
mod heartbeat;
mod hook;
mod options;
mod outage;
mod outcome;
mod report;
mod run;
mod settle;
mod shutdown;
mod table;

pub use adopt::ADOPTION_PERIOD;
pub use builder::WorkerBuilder;
pub use capacity::{RESERVE_CONCURRENCY_MIN, RESERVE_DIVISOR};
pub use decide::{SNOOZE_JITTER, SNOOZE_JITTER_MAX, SNOOZE_MIN, WAIT_MAX};
pub use error::{WorkerError, WorkerErrorKind};
pub use fetch::LEASE_WAIT;
pub use function::{HandlerFn, handler_fn};
pub use handler::{Handler, JobContext};
pub use heartbeat::HEARTBEATS_PER_VISIBILITY;
pub use hook::Hook;
pub use options::{
    CONCURRENCY_DEFAULT, CONCURRENCY_MAX, GRACE_DEFAULT, GRACE_MAX, OptionFault,
    RATE_LIMIT_DEFAULT, RATE_LIMIT_PERIOD_MIN, SEND_TIMEOUT_DEFAULT, SEND_TIMEOUT_MAX,
    SEND_TIMEOUT_MIN, VISIBILITY_DEFAULT, VISIBILITY_MAX, VISIBILITY_MIN, WorkerOptionsError,
};
pub use outcome::{MISCONFIGURED_HOLD, Outcome};
pub use report::RunReport;
pub use shutdown::{SHUTDOWN_SLACK, ShutdownReport, WorkerHandle};

use std::sync::Arc;

use crate::job::Job;
use crate::notification::Notifier;
use crate::producer::Queue;
use crate::provider::Provider;

/// Takes jobs out of a queue and runs them. The way to a [`WorkerBuilder`]; the running worker is a [`WorkerHandle`].
#[derive(Debug)]
pub enum Worker {}

impl Worker {
    /// A worker that renders each job and sends it through `provider`: in production a
    /// [`ProviderStack`](crate::provider::stack::ProviderStack) around one or several.
    #[expect(
        clippy::new_ret_no_self,
        reason = "a worker exists only once it is spawned"
    )]
    pub fn new<J: Job>(queue: Queue<J>, provider: impl Provider<J::Message>) -> WorkerBuilder<J> {
        Self::with_handler(queue, Notifier::new(provider))
    }

    /// A worker that runs `handler` on each job. A closure becomes a handler by [`handler_fn`].
    pub fn with_handler<J: Job>(queue: Queue<J>, handler: impl Handler<J>) -> WorkerBuilder<J> {
        WorkerBuilder::new(queue, Arc::new(handler))
    }
}
