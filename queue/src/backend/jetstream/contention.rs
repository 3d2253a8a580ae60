//! Changes that others get in the way of: tried again, but not for ever.

use std::time::Duration;

use crate::backend::{BackendError, BackendErrorKind};

/// How often a change is tried while others change the same.
pub(super) const TRIES_MAX: u32 = 50;

/// The pause before each try but the first, up to 20 ms.
pub(super) async fn step_aside(tried: u32) {
    if tried > 0 {
        tokio::time::sleep(Duration::from_millis(u64::from(tried.min(20)))).await;
    }
}

/// What others changed again and again while it was tried.
pub(super) fn contended() -> BackendError {
    BackendError::new(
        BackendErrorKind::Io,
        "others change the job all the time; the same call may be made again",
    )
}
