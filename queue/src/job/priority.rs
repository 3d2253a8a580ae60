//! [`Priority`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How soon a job should run beside others of its queue.
///
/// A priority is a lane, not a rank in a sorted list: each lane gets a share of what a worker takes, higher
/// lanes have reserved capacity, and a lane that waits ages upwards, so none starves.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Security messages; the largest share.
    Critical,
    /// Somebody waits for it: one-time codes.
    High,
    /// The default.
    #[default]
    Normal,
    /// Campaigns and other bulk.
    Low,
}

impl Priority {
    /// All priorities, the soonest first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Normal, Self::Low];

    /// The position in [`Priority::ALL`], 0 to 3.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// `critical`, `high`, `normal` or `low`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Priority {
    type Err = ParsePriorityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|priority| priority.as_str() == text)
            .ok_or(ParsePriorityError)
    }
}

/// The text names no priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a priority: expected critical, high, normal or low")]
pub struct ParsePriorityError;
