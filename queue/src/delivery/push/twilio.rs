//! [`TwilioPush`]: Twilio's status callbacks.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::post;

use super::PushError;
use super::fields::Fields;
use super::receive::{read_body, store};
use super::signature::{AuthTokens, BODY_DIGEST, PublicUrl, is_body};
use crate::delivery::callback::attempt_of;
use crate::delivery::{Deliveries, DeliveryReport, TWILIO};
use crate::telemetry::names;

/// The header that holds the signature.
const SIGNATURE: &str = "x-twilio-signature";

/// Takes Twilio's status callbacks, and checks that they are Twilio's.
///
/// Mount the router with [`Router::nest`] at the path of the public address.
///
/// A callback address may say which attempt it is about ([`callback_url`](crate::delivery::callback_url)). The signature covers
/// that, so the report also decides about an attempt whose answer was lost.
#[must_use]
pub struct TwilioPush {
    deliveries: Deliveries,
    tokens: AuthTokens,
    url: PublicUrl,
}

impl TwilioPush {
    /// Takes the callbacks of the account with `auth_token`, which calls `public_url`.
    ///
    /// The signature covers the address as Twilio called it: give it with scheme, host and path as they are in the status
    /// callback, not as a proxy hands them on, and without a query.
    ///
    /// # Errors
    /// [`PushError`] when the token is empty, or the address is not one that Twilio can call.
    pub fn new(
        deliveries: Deliveries,
        auth_token: impl Into<String>,
        public_url: impl AsRef<str>,
    ) -> Result<Self, PushError> {
        Ok(Self {
            deliveries,
            tokens: AuthTokens::new(auth_token.into())?,
            url: PublicUrl::parse(public_url.as_ref())?,
        })
    }

    /// Also takes what another auth token signed: the one before, or the one to come, while it is changed; or a
    /// subaccount's.
    ///
    /// # Errors
    /// [`PushError::AuthTokenEmpty`].
    pub fn auth_token(mut self, auth_token: impl Into<String>) -> Result<Self, PushError> {
        self.tokens.add(auth_token.into())?;
        Ok(self)
    }

    /// The router: `POST /`.
    pub fn into_router(self) -> Router {
        Router::new()
            .route("/", post(receive))
            .with_state(Arc::new(self))
    }

    /// The fields of a request that Twilio signed.
    fn verified(&self, parts: &Parts, body: &[u8]) -> Result<Fields, StatusCode> {
        let signature = parts.headers.get(SIGNATURE).and_then(|s| s.to_str().ok());
        let Some(signature) = signature else {
            return Err(StatusCode::FORBIDDEN);
        };
        let query = parts.uri.query();
        if let Some(digest) = parameter(query, BODY_DIGEST) {
            if !self.tokens.verify(signature, &self.url, query, &[]) || !is_body(&digest, body) {
                return Err(StatusCode::FORBIDDEN);
            }
            return Fields::json(body).ok_or(StatusCode::BAD_REQUEST);
        }
        // Without a digest in the address only a form is signed: whatever else the body is, nobody vouches for it.
        let form = Fields::form(body).ok_or(StatusCode::BAD_REQUEST)?;
        match (self.tokens).verify(signature, &self.url, query, form.pairs()) {
            true => Ok(form),
            false => Err(StatusCode::FORBIDDEN),
        }
    }
}

async fn receive(State(push): State<Arc<TwilioPush>>, request: Request) -> StatusCode {
    let (parts, body) = request.into_parts();
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(status) => return status,
    };
    let fields = match push.verified(&parts, &body) {
        Ok(fields) => fields,
        Err(status) => {
            tracing::warn!(
                { names::PROVIDER } = TWILIO,
                "a delivery report was refused: its signature does not fit; check auth token and public address"
            );
            return status;
        }
    };
    let id = fields.get(&["MessageSid", "SmsSid"]);
    let status = fields.get(&["MessageStatus", "SmsStatus"]);
    let (Some(id), Some(status)) = (id, status) else {
        tracing::warn!(
            { names::PROVIDER } = TWILIO,
            "a delivery report can't be read"
        );
        return StatusCode::BAD_REQUEST;
    };
    let report = DeliveryReport::twilio(id, status, fields.get(&["ErrorCode"]));
    let attempt = parts.uri.query().and_then(attempt_of);
    store(&push.deliveries, report, attempt).await
}

fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    form_urlencoded::parse(query?.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

impl fmt::Debug for TwilioPush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioPush")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
