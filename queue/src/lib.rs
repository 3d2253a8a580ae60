//! An embeddable, typed notification queue.

// The derives name this crate `::queue`, here as everywhere.
#[allow(
    unused_extern_crates,
    reason = "used only where a derive is used in this crate"
)]
extern crate self as queue;

#[doc(hidden)]
pub mod __private;
pub mod backend;
pub mod clock;
mod future;
pub mod job;
pub mod notification;
pub mod producer;
pub mod provider;
pub mod retry;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod worker;

pub use future::BoxFuture;
pub use job::{Job, JobId, Priority, State};
pub use producer::{Enqueue, EnqueueError, EnqueueReceipt, Queue};
pub use queue_derive::{Job, Payload, Template};
pub use worker::{Worker, WorkerHandle};
