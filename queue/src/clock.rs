//! Time: the only reader of it, and the only sleeper.
//!
//! Two readings, for two purposes. [`Clock::now`] is the wall clock: due times and deadlines are
//! promises to people. [`Clock::uptime`] is the machine's own monotonic clock, the same in every
//! process on it and never stepped: leases are measured by it, so that a wrong or jumping wall clock
//! can't make two workers run one job.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::future::BoxFuture;

/// A moment on the wall clock, in whole milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This moment plus `duration`, at most the last representable moment.
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// The time from `earlier` to `self`; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(millis(after)),
            Err(before) => Self(-millis(before.duration())),
        }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> Self {
        let distance = Duration::from_millis(timestamp.0.unsigned_abs());
        if timestamp.0 >= 0 {
            UNIX_EPOCH + distance
        } else {
            UNIX_EPOCH - distance
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Where the library gets the time, and how it waits.
///
/// [`SystemClock`] in production, [`ManualClock`] in tests.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// The machine's monotonic clock, in milliseconds since an arbitrary moment that all processes
    /// on the machine share; it goes on while the machine sleeps.
    fn uptime(&self) -> u64;

    /// Waits for `duration`.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock {
    offset_millis: i64,
}

impl SystemClock {
    /// The machine's clocks, with the wall clock shifted by `offset_millis`.
    ///
    /// For testing how an application behaves on a host whose clock is wrong; the monotonic clock is
    /// not shifted, as on a real host.
    pub const fn with_offset(offset_millis: i64) -> Self {
        Self { offset_millis }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(
            Timestamp::from(SystemTime::now())
                .0
                .saturating_add(self.offset_millis),
        )
    }

    fn uptime(&self) -> u64 {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let id = rustix::time::ClockId::Boottime;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let id = rustix::time::ClockId::Monotonic;
        let time = rustix::time::clock_gettime(id);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
        seconds
            .saturating_mul(1000)
            .saturating_add(nanos / 1_000_000)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that stands still until it is moved.
///
/// Clones share the same time. Moving it wakes every sleeper whose time has come.
#[derive(Clone)]
pub struct ManualClock {
    shared: Arc<Mutex<ManualTime>>,
}

struct ManualTime {
    now: i64,
    uptime: u64,
    next_sleeper: u64,
    sleepers: BTreeMap<(u64, u64), Waker>,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn new(now: Timestamp) -> Self {
        let time = ManualTime {
            now: now.0,
            uptime: 1_000_000,
            next_sleeper: 0,
            sleepers: BTreeMap::new(),
        };
        Self {
            shared: Arc::new(Mutex::new(time)),
        }
    }

    /// Moves both clocks forward by `duration` and wakes the sleepers whose time has come.
    pub fn advance(&self, duration: Duration) {
        let woken: Vec<Waker> = {
            let mut time = self.lock();
            time.now = time.now.saturating_add(millis(duration));
            time.uptime = time
                .uptime
                .saturating_add(u64::try_from(millis(duration)).unwrap_or(0));
            let first_later = (time.uptime + 1, 0);
            let later = time.sleepers.split_off(&first_later);
            std::mem::replace(&mut time.sleepers, later)
                .into_values()
                .collect()
        };
        for waker in woken {
            waker.wake();
        }
    }

    /// Steps the wall clock to `now`, as a time server does; the monotonic clock does not move.
    pub fn step_to(&self, now: Timestamp) {
        self.lock().now = now.0;
    }

    fn lock(&self) -> MutexGuard<'_, ManualTime> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    /// A clock that stands at 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::new(Timestamp::from_millis(1_767_225_600_000))
    }
}

impl std::fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ManualClock")
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.lock().now)
    }

    fn uptime(&self) -> u64 {
        self.lock().uptime
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        let until = {
            let time = self.lock();
            time.uptime
                .saturating_add(u64::try_from(millis(duration)).unwrap_or(0))
        };
        let mut key = None;
        Box::pin(std::future::poll_fn(move |context| {
            let mut time = clock.lock();
            if time.uptime >= until {
                return Poll::Ready(());
            }
            let id = *key.get_or_insert_with(|| {
                time.next_sleeper += 1;
                time.next_sleeper
            });
            time.sleepers.insert((until, id), context.waker().clone());
            Poll::Pending
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_convert_to_system_time_and_back() {
        for millis in [-1500, 0, 1, 1_767_225_600_000] {
            let timestamp = Timestamp::from_millis(millis);
            assert_eq!(Timestamp::from(SystemTime::from(timestamp)), timestamp);
        }
    }

    #[test]
    fn since_is_zero_when_time_went_backwards() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
        assert_eq!(Timestamp(9).since(Timestamp(5)), Duration::from_millis(4));
    }

    #[tokio::test]
    async fn a_manual_sleep_ends_when_the_clock_is_moved_past_it() {
        let clock = ManualClock::default();
        let mut sleep = clock.sleep(Duration::from_secs(60));
        assert!(matches!(futures_poll(&mut sleep), Poll::Pending));
        clock.advance(Duration::from_secs(59));
        assert!(matches!(futures_poll(&mut sleep), Poll::Pending));
        clock.advance(Duration::from_secs(1));
        sleep.await;
    }

    #[test]
    fn stepping_the_wall_clock_does_not_move_the_monotonic_one() {
        let clock = ManualClock::default();
        let before = clock.uptime();
        clock.step_to(Timestamp::from_millis(0));
        assert_eq!(clock.now().as_millis(), 0);
        assert_eq!(clock.uptime(), before);
    }

    fn futures_poll(future: &mut BoxFuture<'static, ()>) -> Poll<()> {
        future
            .as_mut()
            .poll(&mut std::task::Context::from_waker(Waker::noop()))
    }
}
