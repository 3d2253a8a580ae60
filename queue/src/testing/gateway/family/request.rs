//! What a client asks for, in any of the forms that the family takes: GET or POST, JSON or form.

use std::collections::HashMap;

use axum::extract::Query;
use axum::http::{Method, Uri};
use serde_json::{Map, Value};

/// The fields of a request.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads the query of a GET, the JSON or form of a POST; `None` when it is neither.
    pub(super) fn read(method: &Method, uri: &Uri, body: &[u8]) -> Option<Self> {
        if method == Method::GET {
            return Self::form(uri);
        }
        if let Ok(Value::Object(fields)) = serde_json::from_slice(body) {
            return Some(Self(fields));
        }
        let body = std::str::from_utf8(body).ok()?;
        Self::form(&format!("/?{}", body.trim()).parse().ok()?)
    }

    pub(super) fn of(value: &Value) -> Option<Self> {
        value.as_object().cloned().map(Self)
    }

    fn form(uri: &Uri) -> Option<Self> {
        let Query(fields) = Query::<HashMap<String, String>>::try_from_uri(uri).ok()?;
        let fields = fields.into_iter().map(|(key, value)| (key, value.into()));
        Some(Self(fields.collect()))
    }

    /// The text or number under `key`; `None` when it is missing or empty.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        let text = match self.0.get(key)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!text.trim().is_empty()).then_some(text)
    }

    pub(super) fn list(&self, key: &str) -> Option<&Vec<Value>> {
        self.0.get(key)?.as_array()
    }

    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }
}
