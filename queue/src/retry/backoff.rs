//! [`Backoff`]: the delay before the next attempt, from the number of the one that failed.

use std::time::Duration;

/// Delay after the first failed attempt.
pub const BACKOFF_BASE: Duration = Duration::from_secs(2);
/// Longest delay between two attempts.
pub const BACKOFF_CAP: Duration = Duration::from_secs(60 * 60);
/// How far a delay is moved at random, as a part of itself: ±20 %, the figure Svix uses.
pub const BACKOFF_JITTER: f64 = 0.2;

/// Exponential backoff with jitter and a cap.
///
/// With the defaults the delays are 2 s, 4 s, 8 s, … up to an hour after the 12th failure, each moved by up to ±20 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// Delay after the first failed attempt. Default 2 s.
    pub base: Duration,
    /// Longest delay, before jitter. Default 1 h.
    pub cap: Duration,
    /// Part of the delay by which it is moved at most, 0 to 1. Default 0.2.
    pub jitter: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: BACKOFF_BASE,
            cap: BACKOFF_CAP,
            jitter: BACKOFF_JITTER,
        }
    }
}

impl Backoff {
    /// The delay after failed attempt number `attempt` (from 1). `random` is in 0..1 and picks the point in the jitter's
    /// range; 0.5 is the middle.
    pub fn delay(&self, attempt: u16, random: f64) -> Duration {
        let doublings = u32::from(attempt.saturating_sub(1)).min(31);
        let exact = self.base.saturating_mul(1 << doublings).min(self.cap);
        let factor = 1.0 + self.jitter.clamp(0.0, 1.0) * (2.0 * random.clamp(0.0, 1.0) - 1.0);
        exact.mul_f64(factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap() {
        let backoff = Backoff::default();
        let seconds: Vec<u64> = (1..=14)
            .map(|attempt| backoff.delay(attempt, 0.5).as_secs())
            .collect();
        assert_eq!(
            seconds,
            [
                2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600
            ]
        );
        assert_eq!(backoff.delay(u16::MAX, 0.5), BACKOFF_CAP);
    }

    #[test]
    fn jitter_moves_a_delay_by_a_fifth_at_most() {
        let backoff = Backoff::default();
        assert_eq!(backoff.delay(1, 0.0), Duration::from_millis(1600));
        assert_eq!(backoff.delay(1, 1.0), Duration::from_millis(2400));
    }

    #[test]
    fn nonsense_randomness_stays_in_range() {
        let backoff = Backoff {
            jitter: 9.0,
            ..Backoff::default()
        };
        assert_eq!(backoff.delay(1, -3.0), Duration::ZERO);
        assert_eq!(backoff.delay(1, 3.0), Duration::from_secs(4));
    }
}
