//! Payloads to JSON and back: tagged by `type`, decoded in two steps.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What a job carries: the data of one variant.
///
/// Derived by `#[derive(Template)]`, or by `#[derive(Payload)]` for a payload that a hand-written function renders.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a payload",
    note = "derive `Template` (with a text) or `Payload` (rendered by a function of your own) on `{Self}`"
)]
pub trait Payload {
    /// The payload holds a one-time secret, so every job that carries it must have a deadline.
    const REQUIRES_EXPIRY: bool = false;
    /// The payload holds a secret, so it is wiped at every terminal state and never shown.
    const SECRET: bool = Self::REQUIRES_EXPIRY;
}

impl<T: Payload> Payload for Option<T> {
    const REQUIRES_EXPIRY: bool = T::REQUIRES_EXPIRY;
    const SECRET: bool = T::SECRET;
}

impl<T: Payload> Payload for Vec<T> {
    const REQUIRES_EXPIRY: bool = T::REQUIRES_EXPIRY;
    const SECRET: bool = T::SECRET;
}

impl<T: Payload> Payload for Box<T> {
    const REQUIRES_EXPIRY: bool = T::REQUIRES_EXPIRY;
    const SECRET: bool = T::SECRET;
}

/// To whom a payload is addressed; the `Template` and `Payload` derives implement it for the field `recipient`, or the
/// one marked `#[template(recipient)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say to whom it is sent",
    note = "add a field `recipient`, or mark one with `#[template(recipient)]`"
)]
pub trait Addressed {
    /// What an address is on this channel, such as a phone number.
    type Address;

    /// The recipient.
    fn recipient(&self) -> &Self::Address;
}

/// Migrates the JSON of an older version of a payload to the current one: `(version it has, payload) -> payload`.
pub type Upcast = fn(u16, Map<String, Value>) -> Result<Map<String, Value>, UpcastError>;

/// An older payload that can't be brought to the current version. The text must not quote the payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UpcastError(pub &'static str);

/// A payload that can't be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// It does not serialize to a JSON object; a payload is a struct with named fields.
    #[error("the payload of kind `{kind}` is not a JSON object: use a struct with named fields")]
    NotAnObject {
        /// The kind.
        kind: &'static str,
    },
    /// Its `Serialize` failed.
    #[error("the payload of kind `{kind}` does not serialize")]
    Unserializable {
        /// The kind.
        kind: &'static str,
    },
}

/// Stored bytes that are not a job of this enum. Never quotes the payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The enum has no variant of this kind: another version of the program made it. The job is parked.
    #[error("unknown kind `{kind}`")]
    UnknownKind {
        /// The kind found.
        kind: String,
    },
    /// A newer version of the program made it. The job is parked.
    #[error("kind `{kind}` has version {found}, newer than {known}, the newest this program knows")]
    NewerVersion {
        /// The kind.
        kind: &'static str,
        /// The version found.
        found: u16,
        /// The newest version known.
        known: u16,
    },
    /// The payload does not fit its kind. The job is parked with its bytes intact.
    #[error("the payload of kind `{kind}` is malformed at line {line}, column {column}")]
    Malformed {
        /// The kind.
        kind: &'static str,
        /// Line of the first fault, from 1; 0 when unknown.
        line: usize,
        /// Column of the first fault; 0 when unknown.
        column: usize,
    },
    /// The upcasting function refused an older payload.
    #[error("the payload of kind `{kind}` and version {found} can't be upcast")]
    Upcast {
        /// The kind.
        kind: &'static str,
        /// The version found.
        found: u16,
        /// What the function said.
        source: UpcastError,
    },
}

/// `payload` as a JSON object whose first member is `"type": kind`. Used by the `Job` derive.
///
/// # Errors
/// [`EncodeError`] when the payload is not an object or does not serialize.
pub fn encode_tagged<T: Serialize + ?Sized>(
    kind: &'static str,
    payload: &T,
) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = tag(kind);
    let start = bytes.len();
    serde_json::to_writer(&mut bytes, payload).map_err(|_| EncodeError::Unserializable { kind })?;
    match &bytes[start..] {
        b"{}" => bytes.truncate(start),
        [b'{', ..] => bytes[start] = b',',
        _ => return Err(EncodeError::NotAnObject { kind }),
    }
    if bytes.len() == start {
        bytes.push(b'}');
    }
    Ok(bytes)
}

/// The payload of `kind` in `bytes`, brought to `version` first. Used by the `Job` derive.
///
/// # Errors
/// [`DecodeError`]: newer, malformed, or refused by `upcast`.
pub fn decode_tagged<T: DeserializeOwned>(
    kind: &'static str,
    version: u16,
    upcast: Option<Upcast>,
    found: u16,
    bytes: &[u8],
) -> Result<T, DecodeError> {
    if found > version {
        return Err(DecodeError::NewerVersion {
            kind,
            found,
            known: version,
        });
    }
    let malformed = |error: serde_json::Error| DecodeError::Malformed {
        kind,
        line: error.line(),
        column: error.column(),
    };
    // What this library writes starts with the tag: drop it without parsing twice.
    if found == version
        && let Some(rest) = bytes.strip_prefix(tag(kind).as_slice())
    {
        let mut object = Vec::with_capacity(rest.len() + 1);
        object.push(b'{');
        object.extend_from_slice(rest.strip_prefix(b",").unwrap_or(rest));
        return serde_json::from_slice(&object).map_err(malformed);
    }
    let mut object: Map<String, Value> = serde_json::from_slice(bytes).map_err(malformed)?;
    if object.remove("type") != Some(Value::from(kind)) {
        return Err(DecodeError::Malformed {
            kind,
            line: 0,
            column: 0,
        });
    }
    if let (true, Some(upcast)) = (found < version, upcast) {
        object = upcast(found, object).map_err(|source| DecodeError::Upcast {
            kind,
            found,
            source,
        })?;
    }
    serde_json::from_value(Value::Object(object)).map_err(malformed)
}

fn tag(kind: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.extend_from_slice(br#"{"type":"#);
    // Kinds are checked by the derive to be plain identifiers; quoting them as JSON costs nothing and is always right.
    bytes.extend_from_slice(Value::from(kind).to_string().as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Greeting {
        name: String,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Empty {}

    fn decode(found: u16, bytes: &[u8]) -> Result<Greeting, DecodeError> {
        decode_tagged("greeting", 2, Some(rename), found, bytes)
    }

    fn rename(_: u16, mut payload: Map<String, Value>) -> Result<Map<String, Value>, UpcastError> {
        let name = payload.remove("user").ok_or(UpcastError("no `user`"))?;
        payload.insert("name".into(), name);
        Ok(payload)
    }

    #[test]
    fn the_tag_comes_first_and_comes_off_again() {
        let bytes = encode_tagged("greeting", &Greeting { name: "A".into() }).unwrap();
        assert_eq!(bytes, br#"{"type":"greeting","name":"A"}"#);
        assert_eq!(decode(2, &bytes), Ok(Greeting { name: "A".into() }));
    }

    #[test]
    fn an_empty_payload_is_only_its_tag() {
        let bytes = encode_tagged("empty", &Empty {}).unwrap();
        assert_eq!(bytes, br#"{"type":"empty"}"#);
        assert_eq!(decode_tagged("empty", 1, None, 1, &bytes), Ok(Empty {}));
    }

    #[test]
    fn a_tag_in_another_place_or_spacing_is_read_too() {
        assert_eq!(
            decode(2, br#" { "name": "A", "type" : "greeting" }"#),
            Ok(Greeting { name: "A".into() })
        );
    }

    #[test]
    fn an_older_payload_is_upcast() {
        assert_eq!(
            decode(1, br#"{"type":"greeting","user":"A"}"#),
            Ok(Greeting { name: "A".into() })
        );
        let error = decode(1, br#"{"type":"greeting"}"#).unwrap_err();
        assert!(matches!(error, DecodeError::Upcast { found: 1, .. }));
    }

    #[test]
    fn a_newer_payload_is_recognised_without_being_read() {
        assert_eq!(
            decode(3, b"?"),
            Err(DecodeError::NewerVersion {
                kind: "greeting",
                found: 3,
                known: 2
            })
        );
    }

    #[test]
    fn another_kind_and_garbage_are_malformed() {
        for bytes in [
            &br#"{"type":"other","name":"A"}"#[..],
            b"",
            b"[]",
            b"\xff",
            br#"{"type":"greeting","name":7}"#,
        ] {
            assert!(matches!(
                decode(2, bytes),
                Err(DecodeError::Malformed { .. })
            ));
        }
    }

    #[test]
    fn a_payload_that_is_no_object_is_refused() {
        assert_eq!(
            encode_tagged("text", "A"),
            Err(EncodeError::NotAnObject { kind: "text" })
        );
    }
}
