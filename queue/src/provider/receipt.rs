//! [`Receipt`]: what the provider answered.

use serde::{Deserialize, Serialize};

use crate::job::clip;

/// The longest id of a message that is kept, in bytes.
pub const MESSAGE_ID_BYTES_MAX: usize = 256;
/// The longest name of a provider that is kept, in bytes.
pub const PROVIDER_NAME_BYTES_MAX: usize = 64;

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
    /// A receipt of `provider` for a message of one part. The name is cut to [`PROVIDER_NAME_BYTES_MAX`].
    pub fn new(provider: impl Into<String>) -> Self {
        Self {
            provider: clip(&provider.into(), PROVIDER_NAME_BYTES_MAX).to_owned(),
            message_id: None,
            segments: 1,
        }
    }

    /// The provider's id of the message. One that is empty, longer than [`MESSAGE_ID_BYTES_MAX`], or holds control
    /// characters is left out: what a provider's answer may hold is bounded, and half an id is none.
    #[must_use]
    pub fn message_id(mut self, id: impl Into<String>) -> Self {
        let id = id.into();
        let is_id =
            (1..=MESSAGE_ID_BYTES_MAX).contains(&id.len()) && !id.contains(char::is_control);
        self.message_id = is_id.then_some(id);
        self
    }

    /// How many parts were billed.
    #[must_use]
    pub fn segments(mut self, segments: u16) -> Self {
        self.segments = segments;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_says_is_bounded() {
        let id = |text: String| Receipt::new("p").message_id(text).message_id;
        assert_eq!(id("m-1".into()).as_deref(), Some("m-1"));
        assert!(id("m".repeat(MESSAGE_ID_BYTES_MAX)).is_some());
        for bad in [
            String::new(),
            "m".repeat(MESSAGE_ID_BYTES_MAX + 1),
            "m\n1".into(),
        ] {
            assert_eq!(id(bad), None);
        }
        let name = Receipt::new("é".repeat(PROVIDER_NAME_BYTES_MAX)).provider;
        assert_eq!(name.len(), PROVIDER_NAME_BYTES_MAX);
    }
}
