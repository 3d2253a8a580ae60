//! [`Capacity`]: how many messages a provider would take now.

use crate::clock::Timestamp;

/// How many messages a provider would take now: what a worker asks before it leases a job, so that no job is leased only
/// to be put off, and none waits behind a limit.
///
/// An estimate, not a promise: between the question and the send others may have used it up, and the provider then answers
/// [`Throttled`](super::ProviderErrorKind::Throttled).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Capacity {
    /// As many as come.
    #[default]
    Open,
    /// At most this many more. Zero only while calls are in flight whose end makes room: nothing else makes a worker ask
    /// again.
    Upto(usize),
    /// None before this moment.
    ClosedUntil(Timestamp),
}

impl Capacity {
    /// What two providers take of which each can do the work alone.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        use Capacity::{ClosedUntil, Open, Upto};
        match (self, other) {
            (Open, _) | (_, Open) => Open,
            (Upto(one), Upto(other)) => Upto(one.saturating_add(other)),
            (Upto(0), closed @ ClosedUntil(_)) | (closed @ ClosedUntil(_), Upto(0)) => closed,
            (some @ Upto(_), ClosedUntil(_)) | (ClosedUntil(_), some @ Upto(_)) => some,
            (ClosedUntil(one), ClosedUntil(other)) => ClosedUntil(one.min(other)),
        }
    }

    /// What two limits allow that both apply.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        use Capacity::{ClosedUntil, Open, Upto};
        match (self, other) {
            (Open, other) | (other, Open) => other,
            (ClosedUntil(one), ClosedUntil(other)) => ClosedUntil(one.max(other)),
            (closed @ ClosedUntil(_), Upto(_)) | (Upto(_), closed @ ClosedUntil(_)) => closed,
            (Upto(one), Upto(other)) => Upto(one.min(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Capacity::{ClosedUntil, Open, Upto};
    use super::*;

    const SOON: Timestamp = Timestamp::from_millis(1);
    const LATE: Timestamp = Timestamp::from_millis(2);

    #[test]
    fn either_of_two_or_both_of_them() {
        for (one, other, either, both) in [
            (Open, Upto(3), Open, Upto(3)),
            (Open, ClosedUntil(SOON), Open, ClosedUntil(SOON)),
            (Upto(2), Upto(3), Upto(5), Upto(2)),
            (Upto(2), ClosedUntil(SOON), Upto(2), ClosedUntil(SOON)),
            (
                Upto(0),
                ClosedUntil(SOON),
                ClosedUntil(SOON),
                ClosedUntil(SOON),
            ),
            (
                ClosedUntil(SOON),
                ClosedUntil(LATE),
                ClosedUntil(SOON),
                ClosedUntil(LATE),
            ),
        ] {
            assert_eq!(one.or(other), either, "{one:?} or {other:?}");
            assert_eq!(other.or(one), either, "{other:?} or {one:?}");
            assert_eq!(one.and(other), both, "{one:?} and {other:?}");
            assert_eq!(other.and(one), both, "{other:?} and {one:?}");
        }
    }
}
