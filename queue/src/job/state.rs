//! [`State`] and its legal transitions. The diagram is in `docs/job_states.md`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Enqueued for a later moment.
    Scheduled,
    /// May start as soon as a worker has room.
    Ready,
    /// Leased and started by a worker.
    Running,
    /// Failed; waits for its next attempt.
    Retrying,
    /// Put off without an attempt being charged: throttled, provider on hold, shutdown.
    Snoozed,
    /// The provider accepted it. Terminal.
    Completed,
    /// Given up, with a reason. Terminal until somebody requeues it.
    Dead,
    /// Its deadline passed before it was sent. Terminal.
    Expired,
    /// Cancelled before it started. Terminal.
    Cancelled,
    /// May or may not have been sent, and its kind forbids sending twice. Terminal until somebody requeues it.
    Unknown,
    /// This program can't decode it (a newer version's kind); kept intact until one can. Not terminal.
    Parked,
}

impl State {
    /// All states, in the order of a job's life.
    pub const ALL: [Self; 11] = [
        Self::Scheduled,
        Self::Ready,
        Self::Running,
        Self::Retrying,
        Self::Snoozed,
        Self::Completed,
        Self::Dead,
        Self::Expired,
        Self::Cancelled,
        Self::Unknown,
        Self::Parked,
    ];

    /// The state's name, as in `docs/job_states.md`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Snoozed => "snoozed",
            Self::Completed => "completed",
            Self::Dead => "dead",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
            Self::Parked => "parked",
        }
    }

    /// Nothing more happens to the job by itself.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Completed | Self::Dead | Self::Expired | Self::Cancelled | Self::Unknown => true,
            Self::Scheduled
            | Self::Ready
            | Self::Running
            | Self::Retrying
            | Self::Snoozed
            | Self::Parked => false,
        }
    }

    /// The job waits for a moment: scheduled, retrying or snoozed.
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Scheduled | Self::Retrying | Self::Snoozed)
    }

    /// Whether a job may go from `self` to `next`.
    pub const fn may_become(self, next: Self) -> bool {
        use State::*;
        match self {
            Scheduled => matches!(next, Ready | Expired | Cancelled),
            // Unknown: its deadline passed, and an earlier attempt may have had its effect.
            Retrying | Snoozed => matches!(next, Ready | Expired | Unknown | Cancelled),
            // Snoozed: its recipient or tenant has no budget left.
            Ready => matches!(
                next,
                Running | Snoozed | Expired | Unknown | Cancelled | Parked
            ),
            Running => matches!(
                next,
                Completed | Retrying | Snoozed | Ready | Dead | Expired | Unknown | Parked
            ),
            Parked => matches!(next, Ready | Expired | Unknown | Cancelled),
            Dead | Unknown => matches!(next, Ready),
            Completed | Expired | Cancelled => false,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = ParseStateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(ParseStateError)
    }
}

/// The text names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a job state: expected a name such as ready, running or completed")]
pub struct ParseStateError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_found_by_its_name() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
    }

    #[test]
    fn terminal_states_are_left_only_by_requeue() {
        for from in State::ALL.into_iter().filter(|state| state.is_terminal()) {
            for to in State::ALL {
                let requeue = matches!(from, State::Dead | State::Unknown) && to == State::Ready;
                assert_eq!(from.may_become(to), requeue, "{from} to {to}");
            }
        }
    }

    #[test]
    fn nothing_is_sent_without_being_ready_first() {
        for from in State::ALL {
            assert_eq!(
                from.may_become(State::Running),
                from == State::Ready,
                "{from}"
            );
        }
    }
}
