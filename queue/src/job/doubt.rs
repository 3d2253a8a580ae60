//! [`Doubt`]: what an earlier attempt left open.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Which attempt may have had its effect: the first one whose outcome nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// Its number, from 1.
    pub attempt: u16,
    /// When it started.
    pub started_at: Timestamp,
}
