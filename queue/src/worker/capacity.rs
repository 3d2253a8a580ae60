//! How many jobs a worker may take, and of which priorities. Pure arithmetic on counts.

use crate::clock::Timestamp;
use crate::provider::Capacity;

/// Of this many concurrent jobs one is reserved for each more urgent class of priorities.
pub const RESERVE_DIVISOR: usize = 10;
/// Below this concurrency nothing is reserved: every job counts more than the order.
pub const RESERVE_CONCURRENCY_MIN: usize = 4;

/// What a worker may still take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Free {
    /// Jobs in all.
    pub(super) max: usize,
    /// Of them at most this many from each priority.
    pub(super) max_by_priority: [usize; 4],
}

/// Capacity that is kept free for each more urgent class: a tenth of `concurrency`, rounded up.
pub(super) fn reserve(concurrency: usize) -> usize {
    if concurrency < RESERVE_CONCURRENCY_MIN {
        return 0;
    }
    concurrency.div_ceil(RESERVE_DIVISOR)
}

/// What a worker of `concurrency` that runs `running` jobs of each priority may take now.
///
/// Critical and high jobs may use everything, normal and low together at most `concurrency - reserve`, and low alone at
/// most `concurrency - 2 * reserve`. A request can't say "normal and low together", so while those two have room `max` is
/// that room; the rest is for the next request, which a worker makes at once when an answer was full.
pub(super) fn free(concurrency: usize, running: [usize; 4]) -> Free {
    let [critical, high, normal, low] = running;
    let reserve = reserve(concurrency);
    let all = concurrency.saturating_sub(critical + high + normal + low);
    let unhurried = all.min((concurrency - reserve).saturating_sub(normal + low));
    let bulk = unhurried.min((concurrency - 2 * reserve).saturating_sub(low));
    let max = if unhurried == 0 { all } else { unhurried };
    Free {
        max,
        max_by_priority: [max, max, unhurried, bulk],
    }
}

impl Free {
    /// Nothing may be taken.
    pub(super) fn is_none(&self) -> bool {
        self.max == 0
    }

    /// Whether other priorities may be taken than `asked` says: one that it left out, or not any more one that it names.
    pub(super) fn differs(&self, asked: &Self) -> bool {
        (self.max_by_priority.iter().zip(&asked.max_by_priority))
            .any(|(&now, &then)| (now > 0) != (then > 0))
    }

    /// What of it the handler has capacity for, by priority; and when more of it may have, if some has none.
    pub(super) fn within(mut self, capacities: [Capacity; 4]) -> (Self, Option<Timestamp>) {
        let mut opens_at: Option<Timestamp> = None;
        for (free, capacity) in self.max_by_priority.iter_mut().zip(capacities) {
            match capacity {
                Capacity::Open => {}
                Capacity::Upto(jobs) => *free = jobs.min(*free),
                Capacity::ClosedUntil(at) => {
                    *free = 0;
                    opens_at = Some(opens_at.map_or(at, |earlier| earlier.min(at)));
                }
            }
        }
        let most = self.max_by_priority.into_iter().max();
        self.max = self.max.min(most.unwrap_or(0));
        (self, opens_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Priority;

    #[test]
    fn a_tenth_rounded_up_is_reserved_from_four_on() {
        let reserves: Vec<usize> = [1, 3, 4, 5, 10, 11, 100, 1024].map(reserve).into();
        assert_eq!(reserves, [0, 0, 1, 1, 1, 2, 10, 103]);
    }

    #[test]
    fn a_small_worker_gives_everything_to_anyone() {
        assert_eq!(
            free(3, [0; 4]),
            Free {
                max: 3,
                max_by_priority: [3; 4]
            }
        );
        assert!(free(3, [0, 0, 2, 1]).is_none());
    }

    #[test]
    fn an_idle_worker_offers_less_to_less_urgent_lanes() {
        assert_eq!(
            free(20, [0; 4]),
            Free {
                max: 18,
                max_by_priority: [18, 18, 18, 16]
            }
        );
    }

    #[test]
    fn a_worker_full_of_bulk_still_takes_urgent_jobs() {
        assert_eq!(
            free(20, [0, 0, 0, 16]),
            Free {
                max: 2,
                max_by_priority: [2, 2, 2, 0]
            }
        );
        assert_eq!(
            free(20, [0, 0, 2, 16]),
            Free {
                max: 2,
                max_by_priority: [2, 2, 0, 0]
            }
        );
        assert_eq!(free(20, [1, 1, 2, 16]).max, 0);
    }

    #[test]
    fn urgent_jobs_may_fill_a_worker() {
        assert_eq!(free(20, [0, 18, 0, 0]).max_by_priority, [2, 2, 2, 2]);
        assert!(free(20, [0, 20, 0, 0]).is_none());
    }

    #[test]
    fn however_requests_are_answered_the_reserve_holds() {
        let mut random = fastrand::Rng::with_seed(7);
        for concurrency in 1..40 {
            let reserve = reserve(concurrency);
            let mut running = [0_usize; 4];
            for _ in 0..500 {
                let free = free(concurrency, running);
                let mut left = free.max;
                for lane in [3, 2, 1, 0] {
                    let taken = random.usize(..=left.min(free.max_by_priority[lane]));
                    running[lane] += taken;
                    left -= taken;
                }
                assert!(running.iter().sum::<usize>() <= concurrency);
                let low = running[Priority::Low.index()];
                assert!(low <= concurrency - 2 * reserve);
                assert!(low + running[Priority::Normal.index()] <= concurrency - reserve);
                let lane = random.usize(..4);
                running[lane] -= random.usize(..=running[lane]);
            }
        }
    }

    #[test]
    fn a_lane_opens_when_it_had_no_room_before() {
        let full_of_bulk = free(20, [0, 0, 2, 16]);
        assert!(free(20, [0, 0, 1, 16]).differs(&full_of_bulk));
        assert!(!free(20, [0, 0, 2, 16]).differs(&full_of_bulk));
        assert!(!free(20, [0; 4]).differs(&free(20, [0, 0, 3, 0])));
    }

    #[test]
    fn a_provider_closes_lanes_and_says_when_they_open() {
        use Capacity::{ClosedUntil, Open, Upto};
        let at = Timestamp::from_millis;
        let all = free(20, [0; 4]);
        assert_eq!(all.within([Open; 4]), (all, None));
        let (few, none) = all.within([Open, Open, Upto(3), Upto(0)]);
        assert_eq!((few.max, few.max_by_priority), (18, [18, 18, 3, 0]));
        assert_eq!(none, None);
        let (urgent, opens_at) =
            all.within([Open, Upto(2), ClosedUntil(at(9)), ClosedUntil(at(7))]);
        assert_eq!((urgent.max, urgent.max_by_priority), (18, [18, 2, 0, 0]));
        assert_eq!(opens_at, Some(at(7)));
        let (closed, _) = all.within([ClosedUntil(at(7)); 4]);
        assert!(closed.is_none());
        assert!(closed.differs(&all) && all.differs(&closed));
        assert_eq!(all.within([Upto(1); 4]).0.max, 1);
    }
}
