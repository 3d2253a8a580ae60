//! Which priority is served next: shares and ageing. Pure functions; a backend asks once for every job it leases.

use std::time::Duration;

use crate::job::Priority;

/// Of every 15 jobs leased while all lanes have work, how many come from each priority, the soonest first.
pub const LANE_SHARES: [u32; 4] = [8, 4, 2, 1];

/// A lane's share doubles each time its oldest job has waited this long, up to the share of [`Priority::High`].
pub const AGEING_STEP: Duration = Duration::from_secs(30);

/// Smooth weighted round robin over the lanes that have work (the method of nginx's upstream balancer): a lane that was
/// empty starts without credit or debt, so its first job is taken at once when its share is the largest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lanes {
    credit: [i64; 4],
}

impl Lanes {
    /// The lane to take the next job from. `waits` says for each lane how long its oldest job has waited; `None` when it
    /// has none, or when its cap is reached.
    pub(crate) fn pick(&mut self, waits: [Option<Duration>; 4]) -> Option<Priority> {
        let mut total = 0;
        let mut best: Option<usize> = None;
        for (lane, wait) in waits.into_iter().enumerate() {
            let Some(wait) = wait else {
                self.credit[lane] = 0;
                continue;
            };
            let share = i64::from(share(lane, wait));
            total += share;
            self.credit[lane] += share;
            if best.is_none_or(|best| self.credit[lane] > self.credit[best]) {
                best = Some(lane);
            }
        }
        let best = best?;
        self.credit[best] -= total;
        Some(Priority::ALL[best])
    }
}

fn share(lane: usize, wait: Duration) -> u32 {
    let steps = (wait.as_secs() / AGEING_STEP.as_secs()).min(8) as u32;
    let ceiling = LANE_SHARES[lane].max(LANE_SHARES[Priority::High.index()]);
    (LANE_SHARES[lane] << steps).min(ceiling)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: Option<Duration> = Some(Duration::ZERO);

    fn served(lanes: &mut Lanes, waits: [Option<Duration>; 4], picks: usize) -> [usize; 4] {
        let mut counts = [0; 4];
        for _ in 0..picks {
            counts[lanes.pick(waits).unwrap().index()] += 1;
        }
        counts
    }

    #[test]
    fn lanes_get_their_shares_and_none_starves() {
        assert_eq!(
            served(&mut Lanes::default(), [FRESH; 4], 150),
            [80, 40, 20, 10]
        );
    }

    #[test]
    fn a_lone_lane_gets_everything() {
        assert_eq!(
            served(&mut Lanes::default(), [None, None, None, FRESH], 7),
            [0, 0, 0, 7]
        );
        assert_eq!(Lanes::default().pick([None; 4]), None);
    }

    #[test]
    fn a_newcomer_of_a_higher_lane_is_next() {
        let mut lanes = Lanes::default();
        served(&mut lanes, [None, None, None, FRESH], 1000);
        assert_eq!(lanes.pick([None, FRESH, None, FRESH]), Some(Priority::High));
        served(&mut lanes, [None, None, FRESH, FRESH], 1001);
        assert_eq!(
            lanes.pick([FRESH, None, FRESH, FRESH]),
            Some(Priority::Critical)
        );
    }

    #[test]
    fn an_old_lane_gains_share_but_never_passes_the_high_lane() {
        let aged = Some(Duration::from_secs(3600));
        assert_eq!(
            served(&mut Lanes::default(), [FRESH, None, None, aged], 120),
            [80, 0, 0, 40]
        );
        assert_eq!(
            served(
                &mut Lanes::default(),
                [None, FRESH, None, Some(AGEING_STEP)],
                60
            ),
            [0, 40, 0, 20]
        );
    }
}
