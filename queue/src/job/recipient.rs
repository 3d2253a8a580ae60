//! [`RecipientKey`]: to whom a job goes, without saying it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Bytes of a key: half a SHA-256, so that two recipients share one with no realistic chance.
const KEY_BYTES: usize = 16;

/// An address of some channel: what a payload's `recipient` is, such as a phone number.
///
/// Jobs whose payload has one count against the limits of their recipient.
pub trait Address {
    /// The one spelling of this address, the same for every way to write it.
    fn canonical(&self) -> Cow<'_, str>;

    /// The key of this address on `channel`, a message's [`CHANNEL`](crate::provider::Message::CHANNEL).
    fn key(&self, channel: &str) -> RecipientKey {
        RecipientKey::new(channel, &self.canonical())
    }
}

/// An opaque key of a recipient: the first half of the SHA-256 of channel and address.
///
/// It keeps addresses out of indexes and records. It is **not** anonymous: whoever can hash all phone numbers finds the one
/// behind a key. So it is personal data all the same, and its `Debug` shows nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub struct RecipientKey([u8; KEY_BYTES]);

impl RecipientKey {
    /// The key of `address`, in its canonical spelling, on `channel`.
    pub fn new(channel: &str, address: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(channel.as_bytes());
        // No channel's name holds a zero, so no two pairs run into the same bytes.
        hash.update([0]);
        hash.update(address.as_bytes());
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(&hash.finalize()[..KEY_BYTES]);
        Self(key)
    }

    /// The key with these bytes, as [`as_bytes`](Self::as_bytes) gave them.
    pub const fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// The key as 32 hexadecimal digits in lower case: its form in envelopes and records.
    pub fn to_hex(&self) -> String {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits
            .map(|digit| char::from(DIGITS[usize::from(digit)]))
            .collect()
    }
}

impl FromStr for RecipientKey {
    type Err = ParseRecipientKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(ParseRecipientKeyError),
        };
        let mut key = [0; KEY_BYTES];
        if text.len() != 2 * KEY_BYTES {
            return Err(ParseRecipientKeyError);
        }
        for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = digit(digits[0])? << 4 | digit(digits[1])?;
        }
        Ok(Self(key))
    }
}

impl TryFrom<Cow<'_, str>> for RecipientKey {
    type Error = ParseRecipientKeyError;

    fn try_from(text: Cow<'_, str>) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RecipientKey> for String {
    fn from(key: RecipientKey) -> Self {
        key.to_hex()
    }
}

impl fmt::Debug for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecipientKey([redacted])")
    }
}

/// A text that is not a recipient key. Never quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a recipient key has 32 hexadecimal digits in lower case")]
pub struct ParseRecipientKeyError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_half_the_hash_of_channel_and_address() {
        let key = RecipientKey::new("sms", "+254712345678");
        // printf 'sms\0+254712345678' | sha256sum
        assert_eq!(key.to_hex(), "ab2c34f0cff8b624127826134830f3d6");
        assert_ne!(key, RecipientKey::new("email", "+254712345678"));
        assert_eq!(key.to_hex().parse(), Ok(key));
        assert_eq!(RecipientKey::from_bytes(*key.as_bytes()), key);
    }

    #[test]
    fn other_texts_are_no_keys() {
        for text in ["", "0712345678", &"A".repeat(32), &"é".repeat(16)] {
            assert_eq!(text.parse::<RecipientKey>(), Err(ParseRecipientKeyError));
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let key = RecipientKey::new("sms", "+254712345678");
        assert_eq!(format!("{key:?}"), "RecipientKey([redacted])");
    }
}
