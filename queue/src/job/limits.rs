//! Bounds on what an envelope may carry, and the small validated types that keep them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Largest payload, in bytes of JSON. Far above any SMS; small enough for every broker's default message limit.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;
/// Longest idempotency key, in bytes; the bound of the providers that take one (Resend: 256).
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 256;
/// Longest tenant name, in bytes.
pub const TENANT_BYTES_MAX: usize = 128;
/// Most metadata entries of one job.
pub const METADATA_ENTRIES_MAX: usize = 32;
/// Largest metadata of one job: keys and values together, in bytes.
pub const METADATA_BYTES_MAX: usize = 4 * 1024;
/// Longest stored reason or receipt, in bytes; longer ones are cut at a character.
pub const REASON_BYTES_MAX: usize = 512;
/// How long a completed job keeps its idempotency key, unless the queue is told otherwise.
/// A day, as long as completed jobs are kept and as long as Resend keeps its keys.
pub const DEDUPLICATION_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// A value that an envelope can't carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// An idempotency key, tenant or metadata key has no characters.
    #[error("{what} is empty: give it at least one character or leave it out")]
    Empty {
        /// Which value.
        what: &'static str,
    },
    /// A value is longer than the library stores.
    #[error("{what} has {actual} bytes, at most {limit} are allowed")]
    TooLong {
        /// Which value.
        what: &'static str,
        /// Its size in bytes.
        actual: usize,
        /// The bound in bytes.
        limit: usize,
    },
    /// There are more metadata entries than the library stores.
    #[error("metadata has {actual} entries, at most {limit} are allowed")]
    TooMany {
        /// How many there are.
        actual: usize,
        /// The bound.
        limit: usize,
    },
    /// A value holds a control character, which would break logs and message headers.
    #[error("{what} holds a control character: remove it")]
    ControlCharacter {
        /// Which value.
        what: &'static str,
    },
}

/// Refuses a text that is empty, longer than `limit` bytes, or holds control characters.
pub(crate) fn check_text(what: &'static str, text: &str, limit: usize) -> Result<(), LimitError> {
    if text.is_empty() {
        return Err(LimitError::Empty { what });
    }
    if text.len() > limit {
        return Err(LimitError::TooLong {
            what,
            actual: text.len(),
            limit,
        });
    }
    if text.chars().any(char::is_control) {
        return Err(LimitError::ControlCharacter { what });
    }
    Ok(())
}

macro_rules! bounded_text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $limit:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and takes `text`.
            ///
            /// # Errors
            /// [`LimitError`] when it is empty, too long or holds control characters.
            pub fn new(text: impl Into<String>) -> Result<Self, LimitError> {
                let text = text.into();
                check_text($what, &text, $limit)?;
                Ok(Self(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = LimitError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

bounded_text! {
    /// The caller's promise: jobs with the same key are the same job. 1 to 256 bytes.
    IdempotencyKey, "idempotency key", IDEMPOTENCY_KEY_BYTES_MAX
}

bounded_text! {
    /// On whose behalf a job is sent. 1 to 128 bytes.
    Tenant, "tenant", TENANT_BYTES_MAX
}

/// The caller's own labels on a job: at most 32 entries and 4 KiB in all. Never rendered, never sent.
///
/// `Debug` shows the keys and hides the values.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "BTreeMap<String, String>",
    into = "BTreeMap<String, String>"
)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// No entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces an entry.
    ///
    /// # Errors
    /// [`LimitError`] when the key is empty or holds control characters, or the whole gets too large; the
    /// metadata is then unchanged.
    pub fn insert(
        &mut self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), LimitError> {
        let (key, value) = (key.into(), value.into());
        check_text("metadata key", &key, METADATA_BYTES_MAX)?;
        let replaced = self.0.get(&key).map_or(0, |old| key.len() + old.len());
        let entries = self.0.len() + usize::from(replaced == 0);
        if entries > METADATA_ENTRIES_MAX {
            return Err(LimitError::TooMany {
                actual: entries,
                limit: METADATA_ENTRIES_MAX,
            });
        }
        let bytes = self.bytes() - replaced + key.len() + value.len();
        if bytes > METADATA_BYTES_MAX {
            return Err(LimitError::TooLong {
                what: "metadata",
                actual: bytes,
                limit: METADATA_BYTES_MAX,
            });
        }
        self.0.insert(key, value);
        Ok(())
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All entries, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn bytes(&self) -> usize {
        self.0
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum()
    }
}

impl TryFrom<BTreeMap<String, String>> for Metadata {
    type Error = LimitError;

    fn try_from(entries: BTreeMap<String, String>) -> Result<Self, Self::Error> {
        let mut metadata = Self::new();
        for (key, value) in entries {
            metadata.insert(key, value)?;
        }
        Ok(metadata)
    }
}

impl From<Metadata> for BTreeMap<String, String> {
    fn from(metadata: Metadata) -> Self {
        metadata.0
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Cuts `text` to [`REASON_BYTES_MAX`] at a character and replaces control characters, so that a stored reason
/// can be printed on one line anywhere.
pub(crate) fn clip_reason(text: &str) -> String {
    let most = text.len().min(REASON_BYTES_MAX);
    let end = (0..=most)
        .rev()
        .find(|&end| text.is_char_boundary(end))
        .unwrap_or(0);
    text[..end]
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_bounded_and_hold_no_control_characters() {
        assert!(IdempotencyKey::new("otp:42").is_ok());
        assert_eq!(
            IdempotencyKey::new(""),
            Err(LimitError::Empty {
                what: "idempotency key"
            })
        );
        assert_eq!(
            IdempotencyKey::new("k".repeat(257)),
            Err(LimitError::TooLong {
                what: "idempotency key",
                actual: 257,
                limit: 256
            })
        );
        assert_eq!(
            Tenant::new("a\nb"),
            Err(LimitError::ControlCharacter { what: "tenant" })
        );
    }

    #[test]
    fn metadata_is_bounded_by_entries_and_bytes() {
        let mut metadata = Metadata::new();
        for n in 0..METADATA_ENTRIES_MAX {
            metadata.insert(format!("k{n}"), "v").unwrap();
        }
        assert!(matches!(
            metadata.insert("one more", "v"),
            Err(LimitError::TooMany { actual: 33, .. })
        ));
        metadata.insert("k0", "replaced").unwrap();
        assert_eq!(metadata.get("k0"), Some("replaced"));
        let error = metadata
            .insert("k0", "v".repeat(METADATA_BYTES_MAX))
            .unwrap_err();
        assert!(matches!(
            error,
            LimitError::TooLong {
                what: "metadata",
                ..
            }
        ));
    }

    #[test]
    fn debug_shows_no_metadata_values() {
        let mut metadata = Metadata::new();
        metadata.insert("user", "canary").unwrap();
        assert_eq!(format!("{metadata:?}"), r#"{"user"}"#);
    }

    #[test]
    fn reasons_are_cut_at_a_character_and_stay_on_one_line() {
        let reason = clip_reason(&format!("a\r\nb{}", "é".repeat(400)));
        assert!(reason.len() <= REASON_BYTES_MAX);
        assert!(reason.starts_with("a  b"));
    }
}
