//! Putting jobs in.

mod builder;
mod enqueue;
mod error;
mod queue;
mod variables;

pub use builder::{DEFAULT_URL, QueueBuilder};
pub use enqueue::{Enqueue, EnqueueReceipt};
pub use error::{EnqueueError, EnqueueErrorKind};
pub use queue::Queue;
