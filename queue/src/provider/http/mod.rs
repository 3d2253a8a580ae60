//! The HTTP client that providers share: bounded, without redirects, and sure about what was sent.

#![cfg_attr(
    not(all(feature = "salum", feature = "twilio", feature = "africas-talking")),
    allow(dead_code, unused_imports, reason = "each provider uses a part of it")
)]

mod failure;
#[cfg(test)]
pub(crate) mod golden;
pub(crate) mod json;
mod retry_after;
mod status;
mod tls;
mod url;
mod words;

pub(crate) use failure::HttpFailure;
pub(crate) use status::{BUSY_WAIT, status_error};
pub use tls::TlsError;
pub use url::UrlError;
pub(crate) use url::{BaseUrl, CallbackUrl};
pub(crate) use words::safe;

use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};

use crate::clock::{Clock, SystemClock};

/// Most bytes of an answer that are read, whatever its headers promise. An answer for 1000 rows has about 200 KiB.
pub(crate) const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// How long a connection may take, DNS and TLS included, unless a provider's options say otherwise.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What is sent and understood.
const JSON: &str = "application/json";

/// How long an idle connection is kept. Shorter than servers keep theirs (Apache: 5 s), because a request that meets a
/// connection just being closed may have been read or not, and a new connection is cheaper than that doubt.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// One client for one provider: its connections are kept and used again.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient {
    client: reqwest::Client,
}

/// What a server answered: a status and at most [`ANSWER_BYTES_MAX`] bytes.
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    /// From `Retry-After`, between a second and an hour; `None` when it is missing or makes no sense.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

impl HttpAnswer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether its body may be believed. One of a server that fails inside proves nothing: a 500 may follow a real
    /// send.
    pub(crate) fn is_believable(&self) -> bool {
        self.status < 500 && self.status != 429
    }
}

impl HttpClient {
    /// A client for `base`.
    pub(crate) fn new(base: &BaseUrl, connect_timeout: Duration) -> Result<Self, TlsError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(base.is_https())?)
            // HTTP/1.1 only: when its connection breaks, exactly the request on it is in doubt.
            .http1_only()
            // A redirect would take the credentials to another host.
            .redirect(reqwest::redirect::Policy::none())
            // A proxy is configured by the host's operator, not by a variable that happens to be set.
            .no_proxy()
            .referer(false)
            .connect_timeout(connect_timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .user_agent(concat!("queue/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| TlsError::Client)?;
        Ok(Self { client })
    }

    /// A request for what is at `url`.
    pub(crate) fn get(&self, url: reqwest::Url) -> RequestBuilder {
        self.client.get(url).header(ACCEPT, JSON)
    }

    /// A request that brings `body`, JSON, to `url`.
    pub(crate) fn post_json(&self, url: reqwest::Url, body: Vec<u8>) -> RequestBuilder {
        self.post(url, JSON).body(body)
    }

    /// A request that brings `body`, an encoded form, to `url`.
    pub(crate) fn post_form(&self, url: reqwest::Url, body: String) -> RequestBuilder {
        self.post(url, "application/x-www-form-urlencoded")
            .body(body)
    }

    fn post(&self, url: reqwest::Url, content_type: &'static str) -> RequestBuilder {
        self.client
            .post(url)
            .header(CONTENT_TYPE, content_type)
            .header(ACCEPT, JSON)
    }
}

/// Sends `request` and reads the answer; both together take at most `timeout`.
pub(crate) async fn call(
    request: RequestBuilder,
    timeout: Duration,
) -> Result<HttpAnswer, HttpFailure> {
    let mut response = request
        .timeout(timeout)
        .send()
        .await
        .map_err(HttpFailure::from)?;
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| retry_after::parse(value, SystemClock::default().now().into()));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(HttpFailure::from)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(HttpFailure::Unknown("the answer is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpAnswer {
        status,
        retry_after,
        body,
    })
}
