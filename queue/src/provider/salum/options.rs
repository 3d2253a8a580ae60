//! [`SalumOptions`]: credentials and bounds of a [`Salum`](super::Salum) client.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;

use super::{Balance, Salum, SalumError};
use crate::provider::http::CONNECT_TIMEOUT;
use crate::sms::TextPolicy;

/// Where Salum's own gateway is.
pub const SALUM_URL: &str = "https://sms.salum.co.ke/api/services/";
/// How many rows one `sendbulk` takes unless told otherwise: TextSMS and Sunface document 20, Advanta 1000, Salum
/// nothing.
pub const BULK_ROWS: usize = 20;
/// Most rows that any gateway of the family documents for one `sendbulk`.
pub const BULK_ROWS_MAX: usize = 1000;
/// How many calls are in flight at most unless told otherwise.
pub const CALLS_IN_FLIGHT: usize = 4;
/// Longest linger.
const LINGER_MAX: Duration = Duration::from_secs(1);

/// The settings of a [`Salum`] client. `Debug` shows no credentials.
#[derive(Clone)]
pub struct SalumOptions {
    pub(super) api_key: SecretString,
    pub(super) partner_id: SecretString,
    pub(super) shortcode: String,
    pub(super) url: String,
    pub(super) insecure_allowed: bool,
    pub(super) trailing_slash: bool,
    pub(super) bulk_rows: usize,
    pub(super) calls_in_flight: usize,
    pub(super) linger: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) text_policy: TextPolicy,
    pub(super) segment_price: Balance,
}

impl SalumOptions {
    /// The settings of one account: its API key, partner id and sender id. The sender id is case sensitive.
    pub fn new(
        api_key: impl Into<String>,
        partner_id: impl Into<String>,
        shortcode: impl Into<String>,
    ) -> Self {
        Self {
            api_key: SecretString::from(api_key.into()),
            partner_id: SecretString::from(partner_id.into()),
            shortcode: shortcode.into(),
            url: SALUM_URL.into(),
            insecure_allowed: false,
            trailing_slash: true,
            bulk_rows: BULK_ROWS,
            calls_in_flight: CALLS_IN_FLIGHT,
            linger: Duration::ZERO,
            connect_timeout: CONNECT_TIMEOUT,
            text_policy: TextPolicy::Transliterate,
            segment_price: Balance::ONE,
        }
    }

    /// The settings in `SALUM_API_KEY`, `SALUM_PARTNER_ID`, `SALUM_SHORTCODE` and, optionally, `SALUM_API_URL`.
    ///
    /// # Errors
    /// [`SalumError::Missing`] names every variable that is missing or empty, all at once.
    pub fn from_env() -> Result<Self, SalumError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// Like [`from_env`](Self::from_env), with the variables looked up by `variable`: for hosts that keep them elsewhere.
    ///
    /// # Errors
    /// [`SalumError::Missing`].
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SalumError> {
        let mut missing = Vec::new();
        let mut required = |name: &'static str| {
            let value = variable(name).unwrap_or_default();
            let value = value.trim();
            if value.is_empty() {
                missing.push(name);
            }
            value.to_owned()
        };
        let api_key = required("SALUM_API_KEY");
        let partner_id = required("SALUM_PARTNER_ID");
        let shortcode = required("SALUM_SHORTCODE");
        if !missing.is_empty() {
            return Err(SalumError::Missing { names: missing });
        }
        let options = Self::new(api_key, partner_id, shortcode);
        Ok(match variable("SALUM_API_URL") {
            Some(url) if !url.trim().is_empty() => options.url(url),
            _ => options,
        })
    }

    /// Where the gateway is. Default: [`SALUM_URL`]. It must be `https:`, unless it is on this machine.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// Also takes plain `http:` to another machine, which shows the key and every text to everybody on the way.
    #[must_use]
    pub fn allow_insecure_http(mut self) -> Self {
        self.insecure_allowed = true;
        self
    }

    /// Whether endpoints are written with a slash at the end, `sendsms/`. Default: yes, as Salum, TextSMS and Sunface
    /// do; Advanta and Celcom do not.
    #[must_use]
    pub fn trailing_slash(mut self, slash: bool) -> Self {
        self.trailing_slash = slash;
        self
    }

    /// How many messages one call takes at most, from 1 (never in bulk) to [`BULK_ROWS_MAX`]. Default: [`BULK_ROWS`].
    #[must_use]
    pub fn bulk_rows(mut self, rows: usize) -> Self {
        self.bulk_rows = rows.clamp(1, BULK_ROWS_MAX);
        self
    }

    /// How many calls are in flight at most, at least 1. Messages that arrive while all are busy are sent together.
    /// Default: [`CALLS_IN_FLIGHT`].
    #[must_use]
    pub fn calls_in_flight(mut self, calls: usize) -> Self {
        self.calls_in_flight = calls.max(1);
        self
    }

    /// How long a call waits for more messages before it starts, at most a second. Default: not at all.
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger.min(LINGER_MAX);
        self
    }

    /// How long a connection may take. Default: 5 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// What happens to texts outside the GSM 7-bit alphabet, the only one that the family promises. Default:
    /// [`TextPolicy::Transliterate`].
    #[must_use]
    pub fn text_policy(mut self, policy: TextPolicy) -> Self {
        self.text_policy = policy;
        self
    }

    /// What one segment costs, in the account's credits. Default: 1.
    ///
    /// Used for one decision only: gateways answer `1004`, low credits, for some numbers that they can't reach; when
    /// the balance covers the message, it is the number.
    #[must_use]
    pub fn segment_price(mut self, price: Balance) -> Self {
        self.segment_price = price;
        self
    }

    /// Connects nothing yet; see [`Salum::new`].
    ///
    /// # Errors
    /// [`SalumError`].
    pub fn build(self) -> Result<Salum, SalumError> {
        Salum::new(self)
    }
}

impl fmt::Debug for SalumOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SalumOptions")
            .field("shortcode", &self.shortcode)
            .field("trailing_slash", &self.trailing_slash)
            .field("bulk_rows", &self.bulk_rows)
            .field("calls_in_flight", &self.calls_in_flight)
            .field("linger", &self.linger)
            .field("text_policy", &self.text_policy)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let error = SalumOptions::from_variables(|name| match name {
            "SALUM_API_KEY" => Some("  ".into()),
            "SALUM_PARTNER_ID" => Some("77".into()),
            _ => None,
        });
        assert_eq!(
            error.unwrap_err().to_string(),
            "set SALUM_API_KEY, SALUM_SHORTCODE"
        );
    }

    #[test]
    fn the_address_has_a_default_and_no_credential_is_shown() {
        let options = SalumOptions::from_variables(|name| match name {
            "SALUM_API_URL" => None,
            name => Some(format!("canary-{name}")),
        });
        let options = options.unwrap();
        assert_eq!(options.url, SALUM_URL);
        let shown = format!("{options:?}");
        assert!(
            !shown.contains("API_KEY") && !shown.contains("PARTNER"),
            "{shown}"
        );
    }
}
