//! [`JobId`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The identity of one job: a UUID of version 7 (RFC 9562), so ids sort by the time of enqueue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(Uuid);

impl JobId {
    /// A new id, later than every id that this process made before.
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id as text, written into `buffer`: what formatting does, at a quarter of its cost.
    #[cfg(feature = "nats")]
    pub(crate) fn encode(self, buffer: &mut [u8; Self::TEXT_BYTES]) -> &str {
        self.0.hyphenated().encode_lower(buffer)
    }

    /// How long an id is as text.
    #[cfg(feature = "nats")]
    pub(crate) const TEXT_BYTES: usize = uuid::fmt::Hyphenated::LENGTH;

    /// The 16 bytes of the id, in network order.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id with these 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl Default for JobId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({})", self.0)
    }
}

impl FromStr for JobId {
    type Err = ParseJobIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self).map_err(|_| ParseJobIdError)
    }
}

/// The text is not a job id; write it as the library printed it, for example
/// `01980a5e-7c00-7000-8000-000000000000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a job id: expected a UUID such as 01980a5e-7c00-7000-8000-000000000000")]
pub struct ParseJobIdError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_process_are_strictly_increasing() {
        let ids: Vec<JobId> = (0..10_000).map(|_| JobId::new()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn an_id_survives_text_and_bytes() {
        let id = JobId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(JobId::from_bytes(*id.as_bytes()), id);
        assert_eq!("otp:42".parse::<JobId>(), Err(ParseJobIdError));
    }
}
