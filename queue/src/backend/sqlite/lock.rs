//! Waiting for the store's write lock, which another process may hold.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::options::BUSY_TIMEOUT;

thread_local! {
    /// Until when the thread waits; `None` for [`BUSY_TIMEOUT`] from its first try.
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The next statements of this thread wait for the lock until `moment` and no longer.
pub(super) fn wait_until(moment: Instant) {
    UNTIL.set(Some(moment));
}

/// Another process writes: wait for it in short steps, which are fairer than SQLite's growing ones. Answers whether to try
/// again.
pub(super) fn wait_for_others(tries: i32) -> bool {
    const STEP: Duration = Duration::from_millis(1);
    let is_over = match UNTIL.get() {
        Some(until) => Instant::now() >= until,
        None => STEP * u32::try_from(tries).unwrap_or(0) >= BUSY_TIMEOUT,
    };
    if !is_over {
        std::thread::sleep(STEP);
    }
    !is_over
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waited_behind_others_does_not_wait_again() {
        wait_until(Instant::now() + Duration::from_secs(60));
        assert!(wait_for_others(0));
        assert!(wait_for_others(100_000), "tries are not what counts");
        wait_until(Instant::now());
        assert!(!wait_for_others(0));
    }
}
