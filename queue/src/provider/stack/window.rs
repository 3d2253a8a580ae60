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

    /// How many may start at `now_ms` so that `kept` more still may, or in how many milliseconds the next one may.
    pub(super) fn free(&self, now_ms: u64, kept: usize) -> Result<usize, u64> {
        let recent = |at: u64| at.saturating_add(self.per_ms) > now_ms;
        let forgotten = self.starts.iter().take_while(|&&at| !recent(at)).count();
        // Or nobody ever could.
        let kept = kept.min(self.count - 1);
        let free = self.count - (self.starts.len() - forgotten);
        if free > kept {
            return Ok(free - kept);
        }
        // So many more must be forgotten; there are as many, since fewer than `count` are kept.
        Err(self.starts[forgotten + kept - free]
            .saturating_add(self.per_ms)
            .saturating_sub(now_ms))
    }

    /// Takes one start so that `kept` more are left, or says in how many milliseconds there is one.
    pub(super) fn take(&mut self, now_ms: u64, kept: usize) -> Result<(), u64> {
        self.free(now_ms, kept)?;
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
        assert_eq!(window.free(5_000, 0), Ok(2));
        assert_eq!(window.take(5_000, 0), Ok(()));
        assert_eq!(window.take(5_400, 0), Ok(()));
        assert_eq!(window.take(5_400, 0), Err(600));
        assert_eq!(window.free(5_999, 0), Err(1));
        assert_eq!(window.take(6_000, 0), Ok(()));
        assert_eq!(window.take(6_000, 0), Err(400));
        assert_eq!(window.free(60_000, 0), Ok(2));
    }

    #[test]
    fn what_is_kept_is_left_for_others() {
        let mut window = StartWindow::new(4, Duration::from_secs(1));
        for at in [0, 100, 200] {
            assert_eq!(window.take(at, 1), Ok(()));
        }
        assert_eq!(window.take(300, 1), Err(700));
        assert_eq!(window.take(300, 0), Ok(()));
        // Two must be forgotten: one is kept.
        assert_eq!(window.take(400, 1), Err(700));
        assert_eq!(window.take(1_099, 1), Err(1));
        assert_eq!(window.take(1_100, 1), Ok(()));
        // All of it can't be kept.
        assert_eq!(window.free(9_000, 4), Ok(1));
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
                match window.free(now, 0) {
                    Ok(free) => {
                        prop_assert!(free >= 1);
                        prop_assert_eq!(window.take(now, 0), Ok(()));
                        taken.push(now);
                    }
                    Err(wait) => {
                        prop_assert_eq!(window.take(now, 0), Err(wait));
                        // No later and no sooner.
                        prop_assert!(window.free(now + wait - 1, 0).is_err());
                        prop_assert!(window.free(now + wait, 0).is_ok());
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
