//! Values of an answer, in all the forms that servers write them.

use serde_json::Value;

/// A number, or a text that holds one.
pub(crate) fn number(value: Option<&Value>) -> Option<u32> {
    match value? {
        Value::Number(number) => u32::try_from(number.as_u64()?).ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A text, or a number as text.
pub(crate) fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// Longest id that is kept of an answer.
const ID_BYTES_MAX: usize = 128;

/// An id; a missing one is also written as an empty text, `None` or `null`.
pub(crate) fn id(value: Option<&Value>) -> Option<String> {
    let id = text(value)?;
    let id = id.trim();
    let absent = id.is_empty() || id.eq_ignore_ascii_case("none") || id == "null";
    let plain = id.len() <= ID_BYTES_MAX && id.bytes().all(|byte| byte.is_ascii_graphic());
    (!absent && plain).then(|| id.to_owned())
}
