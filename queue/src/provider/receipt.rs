//! [`Receipt`]: what the provider answered.

use serde::{Deserialize, Serialize};

/// The provider's answer to an accepted message. Accepted is not delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The provider's name.
    pub provider: String,
    /// The provider's id of the message, when it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// How many parts were billed: segments of an SMS; 1 elsewhere.
    pub segments: u16,
}

impl Receipt {
    /// A receipt of `provider` for a message of one part.
    pub fn new(provider: impl Into<String>) -> Self {
        Self {
            provider: provider.into(),
            message_id: None,
            segments: 1,
        }
    }

    /// The provider's id of the message.
    #[must_use]
    pub fn message_id(mut self, id: impl Into<String>) -> Self {
        self.message_id = Some(id.into());
        self
    }

    /// How many parts were billed.
    #[must_use]
    pub fn segments(mut self, segments: u16) -> Self {
        self.segments = segments;
        self
    }
}
