//! Reading a request: every fault is named, not only the first, and no value is repeated.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode};
use queue::job::IdempotencyKey;
use serde::Serialize;
use serde_json::{Map, Value};

use super::answer::Refusal;

/// The header that makes a request safe to repeat: two requests with one key are one job.
const KEY_HEADER: &str = "Idempotency-Key";

/// What is wrong with one part of a request.
#[derive(Serialize)]
pub(crate) struct Issue {
    /// The field or header.
    pub(crate) field: &'static str,
    /// What is wrong, and what to do.
    pub(crate) issue: String,
}

/// A posted JSON object that has not been checked.
pub(crate) struct Posted {
    fields: Map<String, Value>,
    headers: HeaderMap,
}

impl<S: Send + Sync> FromRequest<S> for Posted {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let headers = request.headers().clone();
        let body = Json::<Map<String, Value>>::from_request(request, state).await;
        let Json(fields) = body.map_err(unreadable)?;
        Ok(Self { fields, headers })
    }
}

impl Posted {
    /// The request as `read` reads it, and its idempotency key.
    pub(crate) fn read<T>(
        self,
        read: impl FnOnce(&mut Fields) -> Option<T>,
    ) -> Result<(T, Option<IdempotencyKey>), Refusal> {
        let mut fields = Fields {
            values: self.fields,
            known: Vec::new(),
            issues: Vec::new(),
        };
        let value = read(&mut fields);
        let key = fields.key(&self.headers);
        fields.refuse_unknown();
        match (value, key) {
            (Some(value), Some(key)) if fields.issues.is_empty() => Ok((value, key)),
            _ => Err(Refusal::Invalid(fields.issues)),
        }
    }
}

/// The fields of a request, and what is wrong with them so far.
pub(crate) struct Fields {
    values: Map<String, Value>,
    known: Vec<&'static str>,
    issues: Vec<Issue>,
}

impl Fields {
    /// A field that must be there. `None` when it is not, or is wrong; that is noted then.
    pub(crate) fn required<T>(&mut self, field: &'static str, read: Reader<T>) -> Option<T> {
        match self.take(field) {
            Some(value) => self.note(field, read(&value)),
            None => self.note(field, Err("is missing: add it".to_owned())),
        }
    }

    /// A field that may be left out, or be null.
    pub(crate) fn optional<T>(
        &mut self,
        field: &'static str,
        default: T,
        read: Reader<T>,
    ) -> Option<T> {
        match self.take(field) {
            Some(value) => self.note(field, read(&value)),
            None => Some(default),
        }
    }

    fn take(&mut self, field: &'static str) -> Option<Value> {
        self.known.push(field);
        self.values.remove(field).filter(|value| !value.is_null())
    }

    fn note<T>(&mut self, field: &'static str, read: Result<T, String>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(issue) => {
                self.issues.push(Issue { field, issue });
                None
            }
        }
    }

    fn key(&mut self, headers: &HeaderMap) -> Option<Option<IdempotencyKey>> {
        let Some(value) = headers.get(KEY_HEADER) else {
            return Some(None);
        };
        let key = match value.to_str() {
            Ok(text) => IdempotencyKey::new(text).map_err(|error| error.to_string()),
            Err(_) => Err("must be printable ASCII".to_owned()),
        };
        self.note(KEY_HEADER, key).map(Some)
    }

    /// A misspelt field that was silently ignored would become a job that nobody asked for.
    fn refuse_unknown(&mut self) {
        if !self.values.is_empty() {
            // What it was called is not repeated either: it may be anything.
            let known = self.known.join("`, `");
            let issue = format!("has fields that are not known; those known are `{known}`");
            self.issues.push(Issue {
                field: "body",
                issue,
            });
        }
    }
}

/// A field's value, or what is wrong with it.
pub(crate) type Reader<T> = fn(&Value) -> Result<T, String>;

/// Axum's own texts may quote the body, so these are ours; the status is axum's.
fn unreadable(rejection: JsonRejection) -> Refusal {
    let (code, message) = match rejection.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            "not_json",
            "send the body as JSON, with `content-type: application/json`",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "the body is too large"),
        StatusCode::UNPROCESSABLE_ENTITY => ("not_an_object", "the body must be a JSON object"),
        _ => ("malformed_json", "the body is not well-formed JSON"),
    };
    Refusal::Unreadable {
        status: rejection.status(),
        code,
        message,
    }
}
