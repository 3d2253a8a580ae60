//! [`PushToken`]: the part of a path that nobody can guess.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::PushError;

/// Shortest token: 32 hexadecimal digits are 128 random bits.
pub const TOKEN_BYTES_MIN: usize = 32;
/// Longest token.
pub const TOKEN_BYTES_MAX: usize = 128;

/// The token in the path of a callback address: whoever knows it can report. Make one with `openssl rand -hex 32`.
///
/// Only a digest of it is kept. It is compared in constant time, so that answers do not tell how much of a guess is right.
#[derive(Clone)]
pub struct PushToken([u8; 32]);

impl PushToken {
    /// Checks and takes `token`.
    ///
    /// # Errors
    /// [`PushError`] when it is too short to be unguessable, or does not fit into a path.
    pub fn new(token: impl AsRef<str>) -> Result<Self, PushError> {
        let token = token.as_ref();
        let actual = token.len();
        if !(TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&actual) {
            return Err(PushError::TokenLength { actual });
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !token.bytes().all(plain) {
            return Err(PushError::TokenCharacter);
        }
        let mac = digest(token).ok_or(PushError::TokenCharacter)?;
        Ok(Self(mac.finalize().into_bytes().into()))
    }

    /// Whether `given` is this token.
    pub(super) fn matches(&self, given: &str) -> bool {
        given.len() <= TOKEN_BYTES_MAX
            && digest(given).is_some_and(|mac| mac.verify_slice(&self.0).is_ok())
    }
}

impl fmt::Debug for PushToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushToken([redacted])")
    }
}

/// A digest of `token`; comparing digests says nothing about the length either.
fn digest(token: &str) -> Option<Hmac<Sha256>> {
    let mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).ok()?;
    Some(mac.chain_update(b"queue push token"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_matches() {
        let text = "0123456789abcdef0123456789ABCDEF-_";
        let token = PushToken::new(text).unwrap();
        assert!(token.matches(text));
        for wrong in [
            "",
            &text[1..],
            &text.to_lowercase(),
            &format!("{text}0"),
            &"x".repeat(1_000_000),
        ] {
            assert!(!token.matches(wrong));
        }
        assert!(!format!("{token:?}").contains("0123"));
    }

    #[test]
    fn what_could_be_guessed_is_refused() {
        assert_eq!(
            PushToken::new("x".repeat(31)).unwrap_err(),
            PushError::TokenLength { actual: 31 }
        );
        assert!(PushToken::new("x".repeat(129)).is_err());
        for wrong in ["/", " ", "%", "é"] {
            let token = format!("{}{wrong}", "x".repeat(40));
            let error = PushToken::new(&token).unwrap_err();
            assert_eq!(error, PushError::TokenCharacter);
            assert!(!error.to_string().contains("xxx"));
        }
    }
}
