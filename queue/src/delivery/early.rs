//! [`EarlyBudget`]: how many reports about unknown messages are kept.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;

/// Counts early reports, so that somebody else's reports can't fill the store: one callback address serves a whole account,
/// also the messages that another system sends through it.
pub(super) struct EarlyBudget(Mutex<(Option<Timestamp>, u64)>);

/// Whether there was one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Yes,
    /// No, for the first time in this period: worth a line in the log.
    FirstRefused,
    Refused,
}

impl EarlyBudget {
    pub(super) fn new() -> Self {
        Self(Mutex::new((None, 0)))
    }

    /// Takes one of at most `most` in each `period`.
    pub(super) fn take(&self, now: Timestamp, period: Duration, most: u64) -> Taken {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (begun, count) = &mut *state;
        if begun.is_none_or(|begun| now < begun || now.since(begun) >= period) {
            *begun = Some(now);
            *count = 0;
        }
        *count = count.saturating_add(1);
        match *count {
            count if count <= most => Taken::Yes,
            count if count == most + 1 => Taken::FirstRefused,
            _ => Taken::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Taken::{FirstRefused, Refused, Yes};
    use super::*;

    #[test]
    fn each_period_has_its_own_budget() {
        let budget = EarlyBudget::new();
        let hour = Duration::from_secs(3600);
        let take = |seconds: i64| budget.take(Timestamp::from_millis(seconds * 1000), hour, 2);
        assert_eq!(
            [take(0), take(1), take(2), take(3599)],
            [Yes, Yes, FirstRefused, Refused]
        );
        assert_eq!(
            [take(3600), take(3601), take(3602)],
            [Yes, Yes, FirstRefused]
        );
        // A clock that is set back starts a new one: nothing is refused for ever.
        assert_eq!(take(-10), Yes);
    }
}
