//! [`PollSchedule`]: when a provider is asked about a message. Pure.

use std::time::Duration;

use crate::clock::Timestamp;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// Shortest wait between two questions about one message.
const STEP_MIN: Duration = SECOND;
/// Most questions about one message.
const STEPS_MAX: usize = 64;
/// How long after the cut-off a provider that does not answer is still asked.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// When a provider is asked about a message: so long after it was accepted, until a report is final, at the latest at the
/// cut-off; then its status is unknown.
///
/// The default is 10 s, 1 min, 5 min, 30 min, 2 h, 6 h and 24 h, with a cut-off of 48 h. Most messages arrive within seconds;
/// Safaricom says of an inactive number only after 18 to 24 hours that it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollSchedule {
    steps: Vec<Duration>,
    cut_off: Duration,
}

impl PollSchedule {
    /// Asks after each of `steps`, counted from the acceptance, and a last time after `cut_off`. Steps are put in order; at
    /// most 64 are kept, those at or after the cut-off and those within a second of another are left out.
    pub fn new(steps: impl IntoIterator<Item = Duration>, cut_off: Duration) -> Self {
        let cut_off = cut_off.max(STEP_MIN);
        let mut steps: Vec<Duration> = steps
            .into_iter()
            .map(|step| step.max(STEP_MIN))
            .filter(|step| *step < cut_off)
            .collect();
        steps.sort();
        steps.dedup_by(|later, earlier| later.saturating_sub(*earlier) < STEP_MIN);
        steps.truncate(STEPS_MAX);
        Self { steps, cut_off }
    }

    /// After how long it is asked, from the acceptance.
    pub fn steps(&self) -> &[Duration] {
        &self.steps
    }

    /// After how long it is asked for the last time.
    pub fn cut_off(&self) -> Duration {
        self.cut_off
    }

    /// How long a message waits for its first question: nobody has to look more often for new ones.
    pub(super) fn first_step(&self) -> Duration {
        self.steps.first().copied().unwrap_or(self.cut_off)
    }

    /// When a message that was accepted at `accepted_at` is asked about after `now`; `None` when the cut-off has passed.
    /// Questions that were missed, because nobody ran, are not made up for.
    pub(super) fn next(&self, accepted_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
        self.steps
            .iter()
            .chain([&self.cut_off])
            .map(|step| accepted_at.saturating_add(*step))
            .find(|due| *due > now)
    }

    /// When even a provider that does not answer is not asked any more.
    pub(super) fn end(&self, accepted_at: Timestamp) -> Timestamp {
        accepted_at.saturating_add(self.cut_off + PATIENCE)
    }
}

impl Default for PollSchedule {
    fn default() -> Self {
        let steps = [
            10 * SECOND,
            MINUTE,
            5 * MINUTE,
            30 * MINUTE,
            2 * HOUR,
            6 * HOUR,
            24 * HOUR,
        ];
        Self::new(steps, 48 * HOUR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_000_000);

    #[test]
    fn the_default_asks_eight_times_in_two_days() {
        let schedule = PollSchedule::default();
        let mut now = AT;
        let mut waits = Vec::new();
        while let Some(due) = schedule.next(AT, now) {
            waits.push(due.since(AT).as_secs());
            now = due;
        }
        assert_eq!(waits, [10, 60, 300, 1_800, 7_200, 21_600, 86_400, 172_800]);
    }

    #[test]
    fn what_was_missed_is_not_made_up_for() {
        let schedule = PollSchedule::default();
        let day = AT.saturating_add(23 * HOUR);
        assert_eq!(schedule.next(AT, day), Some(AT.saturating_add(24 * HOUR)));
        assert_eq!(schedule.next(AT, AT.saturating_add(48 * HOUR)), None);
    }

    #[test]
    fn steps_are_put_in_order_and_bounded() {
        let steps = [HOUR, Duration::ZERO, MINUTE, MINUTE + SECOND / 2, 3 * HOUR];
        let schedule = PollSchedule::new(steps, 2 * HOUR);
        assert_eq!(schedule.steps(), [SECOND, MINUTE, HOUR]);
        let many = PollSchedule::new((1..1000).map(|n| n * MINUTE), 1000 * HOUR);
        assert_eq!(many.steps().len(), 64);
        let none = PollSchedule::new([], Duration::ZERO);
        assert_eq!((none.first_step(), none.cut_off()), (SECOND, SECOND));
    }
}
