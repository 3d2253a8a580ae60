//! [`TokenPush`]: reports of providers that sign nothing.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::post;

use super::allow::AllowList;
use super::fields::Fields;
use super::receive::{read_body, store};
use super::{PushError, PushToken};
use crate::delivery::{AFRICAS_TALKING, Deliveries, DeliveryReport, SALUM};
use crate::telemetry::names;

/// Takes the reports of a provider that signs nothing: a token in the path says that it is the provider who calls.
///
/// Mount the router with [`Router::nest`]; the callback address to give to the provider is that path, a slash and the token.
#[must_use]
pub struct TokenPush {
    deliveries: Deliveries,
    token: PushToken,
    allowed: AllowList,
    provider: &'static str,
    read: fn(&Fields) -> Option<DeliveryReport>,
}

impl TokenPush {
    /// Takes the reports of Salum, and of other gateways of its family.
    ///
    /// One address serves the whole account; it is set in the gateway's portal. What is read are `messageid` (also written
    /// `messageID` or `message-id`) and `description`, in JSON or a form. The moment in a report is not read: its zone is
    /// not stated.
    pub fn salum(deliveries: Deliveries, token: PushToken) -> Self {
        Self::new(deliveries, token, SALUM, |fields| {
            let id = fields.get(&["messageid"])?;
            let description = fields.get(&["description", "delivery-description"])?;
            Some(DeliveryReport::salum(id, description))
        })
    }

    /// Takes the reports of Africa's Talking: a form with `id`, `status` and, when it failed, `failureReason`.
    pub fn africas_talking(deliveries: Deliveries, token: PushToken) -> Self {
        Self::new(deliveries, token, AFRICAS_TALKING, |fields| {
            let id = fields.get(&["id"])?;
            let reason = fields.get(&["failureReason"]);
            let status = fields.get(&["status"])?;
            Some(DeliveryReport::africas_talking(id, status, reason))
        })
    }

    fn new(
        deliveries: Deliveries,
        token: PushToken,
        provider: &'static str,
        read: fn(&Fields) -> Option<DeliveryReport>,
    ) -> Self {
        Self {
            deliveries,
            token,
            allowed: AllowList::default(),
            provider,
            read,
        }
    }

    /// Takes reports from these addresses only; each is an IP address or a range such as `192.0.2.0/24`. Default: from
    /// everywhere. May be called again for more.
    ///
    /// The address is the peer's: serve the router with `into_make_service_with_connect_info::<SocketAddr>()`. Behind a
    /// proxy that is the proxy; say [`client_address`](Self::client_address) then. A request whose address nobody knows is
    /// refused.
    ///
    /// # Errors
    /// [`PushError::IpRange`].
    pub fn allow<R: AsRef<str>>(
        mut self,
        ranges: impl IntoIterator<Item = R>,
    ) -> Result<Self, PushError> {
        for range in ranges {
            self.allowed.add(range.as_ref())?;
        }
        Ok(self)
    }

    /// How to find out who called, behind a proxy. Read only what *your* proxy writes: a caller can send any header.
    pub fn client_address(
        mut self,
        address: impl Fn(&Parts) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.allowed.set_client(Box::new(address));
        self
    }

    /// The router: `POST /TOKEN`.
    pub fn into_router(self) -> Router {
        Router::new()
            .route("/{token}", post(receive))
            .with_state(Arc::new(self))
    }
}

async fn receive(
    State(push): State<Arc<TokenPush>>,
    token: Result<Path<String>, PathRejection>,
    request: Request,
) -> StatusCode {
    let (parts, body) = request.into_parts();
    // Before the body is read: who may not report costs nothing.
    let known = token.is_ok_and(|Path(token)| push.token.matches(&token));
    if !known || !push.allowed.admits(&parts) {
        tracing::debug!(
            { names::PROVIDER } = push.provider,
            "a delivery report was refused: wrong token or address"
        );
        return StatusCode::NOT_FOUND;
    }
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(status) => return status,
    };
    let fields = Fields::read(&parts.headers, &body);
    match fields.as_ref().and_then(push.read) {
        Some(report) => store(&push.deliveries, report, None).await,
        None => {
            tracing::warn!(
                { names::PROVIDER } = push.provider,
                "a delivery report can't be read"
            );
            StatusCode::BAD_REQUEST
        }
    }
}

impl fmt::Debug for TokenPush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenPush")
            .field("provider", &self.provider)
            .field("allowed", &self.allowed.len())
            .finish_non_exhaustive()
    }
}
