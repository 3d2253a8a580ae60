//! When to try again: pure functions.

mod backoff;

pub use backoff::{BACKOFF_BASE, BACKOFF_CAP, BACKOFF_JITTER, Backoff};

/// Attempts of a job in all, unless its kind says otherwise.
pub const MAX_ATTEMPTS: u16 = 3;
