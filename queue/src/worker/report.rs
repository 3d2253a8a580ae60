//! [`RunReport`]: what became of the jobs that a worker ran.

use crate::backend::Disposition;

/// What became of the attempts of one worker. Counts attempts, not jobs: a job that was retried twice and then completed
/// counts three times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunReport {
    /// Completed.
    pub completed: u64,
    /// Failed, or of unknown outcome where the kind allows another attempt; there will be one.
    pub retried: u64,
    /// Put off without an attempt being charged.
    pub snoozed: u64,
    /// Given up.
    pub dead: u64,
    /// Expired in this worker's hands. Jobs that expired while they waited are not counted: nobody took them.
    pub expired: u64,
    /// Of unknown outcome, and kept for a person to decide.
    pub unknown: u64,
    /// Could not be decoded.
    pub parked: u64,
    /// Given back before they began; no attempt was charged.
    pub released: u64,
    /// The lease was lost while they ran: somebody else decides on them.
    pub lease_lost: u64,
    /// The outcome could not be recorded; the store recovers them when their leases end.
    pub unrecorded: u64,
}

impl RunReport {
    /// All attempts.
    pub fn total(&self) -> u64 {
        let Self {
            completed,
            retried,
            snoozed,
            dead,
            expired,
            unknown,
            parked,
            released,
            lease_lost,
            unrecorded,
        } = self;
        completed
            + retried
            + snoozed
            + dead
            + expired
            + unknown
            + parked
            + released
            + lease_lost
            + unrecorded
    }

    /// Both together.
    #[cfg(feature = "testing")]
    pub(crate) fn plus(self, other: Self) -> Self {
        self.combined(other, u64::saturating_add)
    }

    /// What was counted after `earlier`, a former state of the same counts.
    #[cfg(feature = "testing")]
    pub(crate) fn since(self, earlier: Self) -> Self {
        self.combined(earlier, u64::saturating_sub)
    }

    #[cfg(feature = "testing")]
    fn combined(self, other: Self, combine: fn(u64, u64) -> u64) -> Self {
        Self {
            completed: combine(self.completed, other.completed),
            retried: combine(self.retried, other.retried),
            snoozed: combine(self.snoozed, other.snoozed),
            dead: combine(self.dead, other.dead),
            expired: combine(self.expired, other.expired),
            unknown: combine(self.unknown, other.unknown),
            parked: combine(self.parked, other.parked),
            released: combine(self.released, other.released),
            lease_lost: combine(self.lease_lost, other.lease_lost),
            unrecorded: combine(self.unrecorded, other.unrecorded),
        }
    }

    pub(super) fn count(&mut self, recorded: Recorded) {
        let field = match recorded {
            Recorded::Completed => &mut self.completed,
            Recorded::Retried => &mut self.retried,
            Recorded::Snoozed => &mut self.snoozed,
            Recorded::Dead => &mut self.dead,
            Recorded::Expired => &mut self.expired,
            Recorded::Unknown => &mut self.unknown,
            Recorded::Parked => &mut self.parked,
            Recorded::Released => &mut self.released,
            Recorded::LeaseLost => &mut self.lease_lost,
            Recorded::Unrecorded => &mut self.unrecorded,
        };
        *field += 1;
    }
}

/// Which of the report's counts an attempt belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recorded {
    Completed,
    Retried,
    Snoozed,
    Dead,
    Expired,
    Unknown,
    Parked,
    Released,
    LeaseLost,
    Unrecorded,
}

impl Recorded {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Retried => "retried",
            Self::Snoozed => "snoozed",
            Self::Dead => "dead",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
            Self::Parked => "parked",
            Self::Released => "released",
            Self::LeaseLost => "lease_lost",
            Self::Unrecorded => "unrecorded",
        }
    }
}

impl From<&Disposition> for Recorded {
    fn from(disposition: &Disposition) -> Self {
        match disposition {
            Disposition::Complete(_) => Self::Completed,
            Disposition::Retry { .. } => Self::Retried,
            Disposition::Snooze { .. } => Self::Snoozed,
            Disposition::Dead { .. } => Self::Dead,
            Disposition::Expired => Self::Expired,
            Disposition::Unknown { .. } => Self::Unknown,
            Disposition::Park { .. } => Self::Parked,
            Disposition::Release => Self::Released,
        }
    }
}
