//! [`Pace`]: how time passes for a backend under test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::backend::Retention;
use crate::clock::{Clock, ManualClock, SystemClock, Timestamp};
use crate::future::BoxFuture;

/// How time passes for a backend.
#[derive(Clone, Debug)]
pub enum Pace {
    /// The promises move it: nothing waits.
    Moved(ManualClock),
    /// It really passes, because a server decides by its own clock. The promises use short times.
    Real(SteppedClock),
}

impl Clock for Pace {
    fn now(&self) -> Timestamp {
        match self {
            Self::Moved(clock) => clock.now(),
            Self::Real(clock) => clock.now(),
        }
    }

    fn uptime(&self) -> u64 {
        match self {
            Self::Moved(clock) => clock.uptime(),
            Self::Real(clock) => clock.uptime(),
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        match self {
            Self::Moved(clock) => clock.sleep(duration),
            Self::Real(clock) => clock.sleep(duration),
        }
    }
}

/// The machine's clocks, with a wall clock that can be stepped.
#[derive(Clone, Debug, Default)]
pub struct SteppedClock {
    ahead_ms: Arc<AtomicU64>,
}

impl SteppedClock {
    /// Steps the wall clock forward.
    pub fn step(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.ahead_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Timestamp {
        let ahead = Duration::from_millis(self.ahead_ms.load(Ordering::Relaxed));
        SystemClock::default().now().saturating_add(ahead)
    }

    fn uptime(&self) -> u64 {
        SystemClock::default().uptime()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        SystemClock::default().sleep(duration)
    }
}

/// How long leases hold where time really passes: the server looks for lost ones about as often.
pub(super) const REAL_VISIBILITY: Duration = Duration::from_secs(3);

/// How late a server may be: its schedules fire within 260 ms (measured).
pub(super) const REAL_LATENESS: Duration = Duration::from_millis(400);

/// Short ages; the server counts them in whole seconds.
pub(super) const REAL_RETENTION: Retention = Retention {
    completed_age: Duration::from_secs(6),
    completed_count: 100_000,
    dead_age: Duration::from_secs(60),
    dead_count: 100_000,
};
