//! [`Doubt`]: what earlier attempts left open.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Which attempts may have had their effect: from the first to the last whose outcome nobody knows.
///
/// An attempt between the two may be known to have sent nothing. What was sent, was sent from `started_at` until `ended_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Doubt {
    /// The number of the first one, from 1.
    pub attempt: u16,
    /// When that one started.
    pub started_at: Timestamp,
    /// The number of the last one; the same when there is one only.
    pub last_attempt: u16,
    /// When that one was over: it ended, or its worker was found dead or without its lease.
    pub ended_at: Timestamp,
}

/// As it was stored before it was known when the last one ended.
#[derive(Deserialize)]
struct Stored {
    attempt: u16,
    started_at: Timestamp,
    last_attempt: Option<u16>,
    ended_at: Option<Timestamp>,
}

impl From<Stored> for Doubt {
    fn from(stored: Stored) -> Self {
        Self {
            attempt: stored.attempt,
            started_at: stored.started_at,
            last_attempt: stored.last_attempt.unwrap_or(stored.attempt),
            ended_at: stored.ended_at.unwrap_or(stored.started_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubt_without_an_end_is_read() {
        let read: Doubt = serde_json::from_str(r#"{"attempt":2,"started_at":20}"#).unwrap();
        let at = Timestamp::from_millis(20);
        let expected = Doubt {
            attempt: 2,
            started_at: at,
            last_attempt: 2,
            ended_at: at,
        };
        assert_eq!(read, expected);
        let json = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Doubt>(&json).unwrap(), read);
    }
}
