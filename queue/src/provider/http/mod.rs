//! The HTTP client that providers share: bounded, without redirects, and sure about what was sent.

#![cfg_attr(
    not(feature = "salum"),
    expect(dead_code, reason = "the providers that need it turn it on")
)]

mod failure;
mod retry_after;
mod tls;
mod url;

pub(crate) use failure::HttpFailure;
pub use tls::TlsError;
pub(crate) use url::BaseUrl;
pub use url::UrlError;

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};

use crate::clock::{Clock, SystemClock};

/// Most bytes of an answer that are read, whatever its headers promise. An answer for 1000 rows has about 200 KiB.
pub(crate) const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// How long a connection may take, DNS and TLS included, unless a provider's options say otherwise.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

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

    /// Posts `body` and reads the answer; both together take at most `timeout`.
    pub(crate) async fn post_json(
        &self,
        url: reqwest::Url,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<HttpAnswer, HttpFailure> {
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .timeout(timeout)
            .body(body);
        let mut response = request.send().await.map_err(HttpFailure::from)?;
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
}
