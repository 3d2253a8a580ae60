//! What the server answers: one type for what worked, one for everything that did not.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use queue::backend::BackendError;
use queue::producer::EnqueueErrorKind;
use queue::{EnqueueError, EnqueueReceipt};
use serde_json::json;

use super::input::Issue;

/// When to ask again if the store says nothing itself, because somebody has to repair it first.
const RETRY_AFTER_REPAIR: Duration = Duration::from_secs(60);

/// 201: the job is stored.
pub(crate) struct Created(pub(crate) EnqueueReceipt);

/// Everything else.
pub(crate) enum Refusal {
    /// The body could not be read at all.
    Unreadable {
        status: StatusCode,
        code: &'static str,
        message: &'static str,
    },
    /// 400: each of these is to be changed.
    Invalid(Vec<Issue>),
    /// 409: there was a job with this idempotency key.
    Duplicate(EnqueueReceipt),
    /// 404.
    NotFound(&'static str),
    /// 405.
    WrongMethod,
    /// 503: the same request may work later.
    Unavailable { retry_after: Duration },
}

impl IntoResponse for Created {
    fn into_response(self) -> Response {
        let Self(receipt) = self;
        let location = format!("/jobs/{}", receipt.job_id);
        let body = json!({ "job_id": receipt.job_id, "queue": receipt.queue });
        (StatusCode::CREATED, [("location", location)], Json(body)).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Unreadable {
                status,
                code,
                message,
            } => said(status, code, message),
            Self::Invalid(issues) => {
                let body = json!({
                    "error": "invalid",
                    "message": "the request is not valid: change what `issues` names",
                    "issues": issues,
                });
                (StatusCode::BAD_REQUEST, Json(body)).into_response()
            }
            Self::Duplicate(winner) => {
                let body = json!({
                    "error": "duplicate",
                    "message": "a job with this Idempotency-Key is there already",
                    "job_id": winner.job_id,
                    "queue": winner.queue,
                });
                (StatusCode::CONFLICT, Json(body)).into_response()
            }
            Self::NotFound(message) => said(StatusCode::NOT_FOUND, "not_found", message),
            Self::WrongMethod => said(
                StatusCode::METHOD_NOT_ALLOWED,
                "wrong_method",
                "this path takes another method",
            ),
            Self::Unavailable { retry_after } => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let mut response = said(
                    status,
                    "unavailable",
                    "nothing was promised: send the same request again later",
                );
                let seconds = retry_after.as_secs().max(1);
                response.headers_mut().insert(RETRY_AFTER, seconds.into());
                response
            }
        }
    }
}

impl From<EnqueueError> for Refusal {
    fn from(error: EnqueueError) -> Self {
        match error.kind() {
            EnqueueErrorKind::Store(refusal) => {
                // The detail is for the operator: it may name folders. The client is told when to come back.
                tracing::error!(error = %refusal, kind = refusal.kind().as_str(), "a job was not stored");
                Self::Unavailable {
                    retry_after: error.retry_after().unwrap_or(RETRY_AFTER_REPAIR),
                }
            }
            EnqueueErrorKind::Invalid(cause) => invalid(cause.to_string()),
            EnqueueErrorKind::OutOfBounds(cause) => invalid(cause.to_string()),
            _ => invalid(error.to_string()),
        }
    }
}

impl From<BackendError> for Refusal {
    fn from(error: BackendError) -> Self {
        EnqueueError::from(error).into()
    }
}

/// A job that the library refused: its texts say what to change and quote nothing of the payload.
fn invalid(issue: String) -> Refusal {
    Refusal::Invalid(vec![Issue {
        field: "body",
        issue,
    }])
}

fn said(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({ "error": code, "message": message });
    (status, Json(body)).into_response()
}
