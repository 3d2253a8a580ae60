//! [`OtpCode`]: a one-time code, which is a secret.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use secrecy::{ExposeSecret, SecretString};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

use crate::job::Payload;

/// Shortest one-time code, in characters; the bound of the package this library replaces.
pub const OTP_CODE_CHARS_MIN: usize = 4;
/// Longest one-time code, in characters.
pub const OTP_CODE_CHARS_MAX: usize = 12;

/// A one-time code: 4 to 12 ASCII letters, digits or `-`.
///
/// It is a secret. It has no `Display`, its `Debug` shows `[redacted]`, and its memory is wiped when it is dropped. It
/// has no `PartialEq` either: codes are compared where they are checked, in constant time, and that is not here.
///
/// It does serialize, because a job with a code must be stored until it is sent. Whatever holds it must be wiped at
/// the end; the library does so for payloads, see [`Payload::SECRET`].
#[derive(Clone)]
pub struct OtpCode(SecretString);

impl OtpCode {
    /// The code in `text`.
    ///
    /// # Errors
    /// [`OtpCodeError`] when it is too short, too long, or has other characters.
    pub fn new(text: impl AsRef<str>) -> Result<Self, OtpCodeError> {
        let text = text.as_ref();
        let length = text.chars().count();
        if !(OTP_CODE_CHARS_MIN..=OTP_CODE_CHARS_MAX).contains(&length) {
            return Err(OtpCodeError::Length { actual: length });
        }
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(OtpCodeError::Character);
        }
        Ok(Self(SecretString::from(text)))
    }

    /// The code itself, for rendering it into the message.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Payload for OtpCode {
    const REQUIRES_EXPIRY: bool = true;
}

impl FromStr for OtpCode {
    type Err = OtpCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl fmt::Debug for OtpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpCode([redacted])")
    }
}

impl Serialize for OtpCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for OtpCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // `deserialize_str` would let JSON report a number in its own words, value and all.
        match deserializer.is_human_readable() {
            true => deserializer.deserialize_any(CodeVisitor),
            false => deserializer.deserialize_str(CodeVisitor),
        }
    }
}

/// Serde's own errors quote a value of the wrong type; a code that came as a number must not end up in a log.
struct CodeVisitor;

impl Visitor<'_> for CodeVisitor {
    type Value = OtpCode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a one-time code as a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<OtpCode, E> {
        OtpCode::new(text).map_err(E::custom)
    }

    fn visit_string<E: de::Error>(self, mut text: String) -> Result<OtpCode, E> {
        let code = OtpCode::new(&text).map_err(E::custom);
        text.zeroize();
        code
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<OtpCode, E> {
        Err(E::custom(NOT_A_STRING))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<OtpCode, E> {
        Err(E::custom(NOT_A_STRING))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<OtpCode, E> {
        Err(E::custom(NOT_A_STRING))
    }
}

const NOT_A_STRING: &str = "a one-time code must be a string: a number loses its leading zeros";

impl JsonSchema for OtpCode {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "OtpCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A one-time code: a secret.",
            "pattern": "^[A-Za-z0-9-]{4,12}$",
            "writeOnly": true,
        })
    }
}

/// A text that is no one-time code. Never quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OtpCodeError {
    /// Too short or too long.
    #[error(
        "a one-time code has {OTP_CODE_CHARS_MIN} to {OTP_CODE_CHARS_MAX} characters, not {actual}"
    )]
    Length {
        /// How many characters there are.
        actual: usize,
    },
    /// There is a character other than an ASCII letter, a digit or `-`.
    #[error("a one-time code has only ASCII letters, digits and `-`")]
    Character,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_4_to_12_plain_characters() {
        for good in ["1234", "004213", "AB-12-cd-34Z"] {
            assert_eq!(OtpCode::new(good).unwrap().expose(), good);
        }
        for (wrong, error) in [
            ("", OtpCodeError::Length { actual: 0 }),
            ("123", OtpCodeError::Length { actual: 3 }),
            ("1234567890123", OtpCodeError::Length { actual: 13 }),
            ("12 34", OtpCodeError::Character),
            ("1234\n", OtpCodeError::Character),
            ("éééé", OtpCodeError::Character),
        ] {
            assert_eq!(OtpCode::new(wrong).unwrap_err(), error);
        }
    }

    #[test]
    fn a_code_is_never_shown() {
        let code = OtpCode::new("918273").unwrap();
        assert_eq!(format!("{code:?}"), "OtpCode([redacted])");
        assert_eq!(
            format!("{:#?}", Some(code)),
            "Some(\n    OtpCode([redacted]),\n)"
        );
    }

    #[test]
    fn a_code_survives_json_and_its_errors_do_not_quote_it() {
        let code: OtpCode = serde_json::from_str(r#""0042""#).unwrap();
        assert_eq!(serde_json::to_string(&code).unwrap(), r#""0042""#);
        for wrong in [
            "918273",
            "-918273",
            "918273.5",
            r#""918273 ""#,
            r#""9182737465918273""#,
        ] {
            let error = serde_json::from_str::<OtpCode>(wrong)
                .unwrap_err()
                .to_string();
            assert!(!error.contains("918273"), "{error}");
        }
        let value = serde_json::Value::from(918_273);
        let error = serde_json::from_value::<OtpCode>(value)
            .unwrap_err()
            .to_string();
        assert!(!error.contains("918273"), "{error}");
    }

    #[test]
    fn a_payload_with_a_code_needs_a_deadline() {
        const { assert!(<OtpCode as Payload>::REQUIRES_EXPIRY) }
        const { assert!(<Option<OtpCode> as Payload>::SECRET) }
    }
}
