//! [`StartWindow`]: at most so many starts in any window of time. Pure.

use std::collections::VecDeque;
use std::time::Duration;

/// The starts of the last while. Exact: never more than `count` in any window of `per`, wherever it begins.
///
/// A bucket that refills evenly, as the crate `governor` has it, lets through twice the count in a window that begins with a
/// pause, which a provider that counts answers with 429. It also can't be asked without taking.
#[derive(Debug)]
pub(super) struct StartWindow {
    count: usize,
    per_ms: u64,
    /// When each was taken, the oldest first; at most `count`.
    starts: VecDeque<u64>,
}

impl StartWindow {
    pub(super) fn new(count: usize, per: Duration) -> Self {
        Self {
            count: count.max(1),
            per_ms: u64::try_from(per.as_millis()).unwrap_or(u64::MAX).max(1),
            starts: VecDeque::new(),
        }
    }

    /// How many may start at `now_ms`, or in how many milliseconds the next one may.
    pub(super) fn free(&self, now_ms: u64) -> Result<usize, u64> {
        let recent = |at: u64| at.saturating_add(self.per_ms) > now_ms;
        let forgotten = self.starts.iter().take_while(|&&at| !recent(at)).count();
        match self.count - (self.starts.len() - forgotten) {
            0 => Err(self.starts[forgotten]
                .saturating_add(self.per_ms)
                .saturating_sub(now_ms)),
            free => Ok(free),
        }
    }

    /// Takes one start, or says in how many milliseconds there is one.
    pub(super) fn take(&mut self, now_ms: u64) -> Result<(), u64> {
        self.free(now_ms)?;
        if self.starts.len() == self.count {
            self.starts.pop_front();
        }
        self.starts.push_back(now_ms);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_window_says_when_its_oldest_start_is_forgotten() {
        let mut window = StartWindow::new(2, Duration::from_secs(1));
        assert_eq!(window.free(5_000), Ok(2));
        assert_eq!(window.take(5_000), Ok(()));
        assert_eq!(window.take(5_400), Ok(()));
        assert_eq!(window.take(5_400), Err(600));
        assert_eq!(window.free(5_999), Err(1));
        assert_eq!(window.take(6_000), Ok(()));
        assert_eq!(window.take(6_000), Err(400));
        assert_eq!(window.free(60_000), Ok(2));
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_its_count(
            count in 1_usize..8,
            per in 1_u64..50,
            pauses in proptest::collection::vec(0_u64..20, 1..200),
        ) {
            let mut window = StartWindow::new(count, Duration::from_millis(per));
            let (mut now, mut taken) = (0, Vec::new());
            for pause in pauses {
                now += pause;
                match window.free(now) {
                    Ok(free) => {
                        prop_assert!(free >= 1);
                        prop_assert_eq!(window.take(now), Ok(()));
                        taken.push(now);
                    }
                    Err(wait) => {
                        prop_assert_eq!(window.take(now), Err(wait));
                        // No later and no sooner.
                        prop_assert!(window.free(now + wait - 1).is_err());
                        prop_assert!(window.free(now + wait).is_ok());
                    }
                }
            }
            for (index, &start) in taken.iter().enumerate() {
                let inside = taken[index..].iter().filter(|&&at| at < start + per).count();
                prop_assert!(inside <= count, "{inside} of {count} from {start}");
            }
        }
    }
}
