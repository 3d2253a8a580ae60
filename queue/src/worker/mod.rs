//! Taking jobs out.

mod handler;
mod outcome;

pub use handler::{Handler, JobContext};
pub use outcome::{MISCONFIGURED_HOLD, Outcome};
