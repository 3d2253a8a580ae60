//! [`Fields`]: a report's body as names and values, whether it is a form or JSON.

use axum::http::{HeaderMap, header};
use serde_json::Value;

/// The names and values of a body, in its order. No `Debug`: they hold phone numbers.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a body by its `Content-Type`, and by its look when that says neither; `None` when it can't be read.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let kind = headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let form = kind.contains("x-www-form-urlencoded");
        let looks_like_json = body.trim_ascii_start().starts_with(b"{");
        if kind.contains("json") || (looks_like_json && !form) {
            Self::json(body)
        } else {
            Self::form(body)
        }
    }

    /// Reads a form.
    pub(super) fn form(body: &[u8]) -> Option<Self> {
        std::str::from_utf8(body).ok()?;
        let pairs = form_urlencoded::parse(body).into_owned();
        Some(Self(pairs.collect()))
    }

    /// Reads a JSON object; nested values are left out, since no report has any that matter.
    pub(super) fn json(body: &[u8]) -> Option<Self> {
        let Value::Object(object) = serde_json::from_slice(body).ok()? else {
            return None;
        };
        let text = |(name, value)| match value {
            Value::String(text) => Some((name, text)),
            Value::Number(number) => Some((name, number.to_string())),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        Some(Self(object.into_iter().filter_map(text).collect()))
    }

    /// The first value of any of `names` that is not empty. Names are compared without case, `-` and `_`: `messageID`,
    /// `messageid` and `message-id` are one.
    pub(super) fn get(&self, names: &[&str]) -> Option<&str> {
        let same = |one: &str, other: &str| normal(one).eq(normal(other));
        names.iter().find_map(|wanted| {
            self.0
                .iter()
                .filter(|(name, _)| same(name, wanted))
                .map(|(_, value)| value.trim())
                .find(|value| !value.is_empty())
        })
    }

    /// All of them.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

fn normal(name: &str) -> impl Iterator<Item = char> {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .map(|c| c.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, body: &[u8]) -> Option<Fields> {
        let mut headers = HeaderMap::new();
        if !kind.is_empty() {
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        }
        Fields::read(&headers, body)
    }

    #[test]
    fn forms_and_json_are_read_whatever_they_are_called() {
        const JSON: &[u8] =
            br#" {"messageid": 42, "description": "SentToNetwork", "more": {"a": 1}}"#;
        const FORM: &[u8] = b"message-id=42&description=Sent+To%20Network&x=%F0%9F";
        for (kind, body) in [
            ("application/json; charset=utf-8", JSON),
            ("", JSON),
            ("text/plain", JSON),
            ("application/x-www-form-urlencoded", FORM),
            ("", FORM),
        ] {
            let fields = read(kind, body).unwrap();
            assert_eq!(fields.get(&["messageID"]), Some("42"), "{kind}");
            assert!(fields.get(&["Description"]).is_some(), "{kind}");
            assert_eq!(fields.get(&["more"]), None);
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for (kind, body) in [
            ("application/json", &b"\xff\xfe"[..]),
            ("application/json", b""),
            ("application/json", b"[]"),
            ("application/json", b"{\"a\":"),
            ("application/json", b"a=1"),
            ("", b"{\"a\":"),
            ("", b"a=\xff"),
        ] {
            assert!(read(kind, body).is_none(), "{kind} {body:?}");
        }
    }

    #[test]
    fn an_empty_value_is_none() {
        let fields = read("", b"id=&ID=++7++").unwrap();
        assert_eq!(fields.get(&["id"]), Some("7"));
    }
}
