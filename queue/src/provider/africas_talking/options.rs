//! [`AfricasTalkingOptions`]: credentials, sender and bounds of an [`AfricasTalking`](super::AfricasTalking) client.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;

use super::{AfricasTalking, AfricasTalkingError};
use crate::provider::http::CONNECT_TIMEOUT;
use crate::sms::TextPolicy;

/// Where Africa's Talking's API is.
pub const AFRICAS_TALKING_URL: &str = "https://api.africastalking.com/version1/";
/// Where its sandbox is: nothing is sent, a simulator shows it.
pub const AFRICAS_TALKING_SANDBOX_URL: &str = "https://api.sandbox.africastalking.com/version1/";
/// The only user name of the sandbox.
const SANDBOX: &str = "sandbox";

/// The settings of an [`AfricasTalking`] client. `Debug` shows no credentials.
#[derive(Clone)]
pub struct AfricasTalkingOptions {
    pub(super) username: String,
    pub(super) api_key: SecretString,
    pub(super) from: Option<String>,
    pub(super) url: String,
    pub(super) insecure_allowed: bool,
    pub(super) enqueue: bool,
    pub(super) text_policy: TextPolicy,
    pub(super) connect_timeout: Duration,
}

impl AfricasTalkingOptions {
    /// The settings of one application: its user name and API key. The user name `sandbox` is the sandbox's, and sends
    /// there unless [`url`](Self::url) says otherwise.
    pub fn new(username: impl Into<String>, api_key: impl Into<String>) -> Self {
        let username = username.into().trim().to_owned();
        let url = match username.as_str() {
            SANDBOX => AFRICAS_TALKING_SANDBOX_URL,
            _ => AFRICAS_TALKING_URL,
        };
        Self {
            username,
            api_key: SecretString::from(api_key.into()),
            from: None,
            url: url.into(),
            insecure_allowed: false,
            enqueue: false,
            text_policy: TextPolicy::Allow,
            connect_timeout: CONNECT_TIMEOUT,
        }
    }

    /// The settings in `AFRICASTALKING_USERNAME`, `AFRICASTALKING_API_KEY` and, optionally, `AFRICASTALKING_FROM` and
    /// `AFRICASTALKING_API_URL`.
    ///
    /// # Errors
    /// [`AfricasTalkingError::Missing`] names every variable that is missing or empty, all at once.
    pub fn from_env() -> Result<Self, AfricasTalkingError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// Like [`from_env`](Self::from_env), with the variables looked up by `variable`: for hosts that keep them elsewhere.
    ///
    /// # Errors
    /// [`AfricasTalkingError::Missing`].
    pub fn from_variables(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, AfricasTalkingError> {
        let given = |name: &str| {
            let value = variable(name)?;
            let value = value.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        let mut missing = Vec::new();
        let mut required = |name: &'static str| {
            let value = given(name);
            if value.is_none() {
                missing.push(name);
            }
            value.unwrap_or_default()
        };
        let username = required("AFRICASTALKING_USERNAME");
        let api_key = required("AFRICASTALKING_API_KEY");
        if !missing.is_empty() {
            return Err(AfricasTalkingError::Missing { names: missing });
        }
        let mut options = Self::new(username, api_key);
        if let Some(from) = given("AFRICASTALKING_FROM") {
            options = options.from(from);
        }
        if let Some(url) = given("AFRICASTALKING_API_URL") {
            options = options.url(url);
        }
        Ok(options)
    }

    /// Whom messages are from: a registered short code or alphanumeric sender id. Default: the shared `AFRICASTKNG`.
    #[must_use]
    pub fn from(mut self, from: impl Into<String>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// Where the API is, with its version. Default: [`AFRICAS_TALKING_URL`], or [`AFRICAS_TALKING_SANDBOX_URL`] for the
    /// user name `sandbox`. It must be `https:`, unless it is on this machine.
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

    /// Whether Africa's Talking answers before it has tried the carrier (`enqueue`): faster, and a refusal may come as a
    /// delivery report only. Default: no.
    #[must_use]
    pub fn enqueue(mut self, enqueue: bool) -> Self {
        self.enqueue = enqueue;
        self
    }

    /// What happens to texts outside the GSM 7-bit alphabet. Default: [`TextPolicy::Allow`].
    #[must_use]
    pub fn text_policy(mut self, policy: TextPolicy) -> Self {
        self.text_policy = policy;
        self
    }

    /// How long a connection may take. Default: 5 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Connects nothing yet; see [`AfricasTalking::new`].
    ///
    /// # Errors
    /// [`AfricasTalkingError`].
    pub fn build(self) -> Result<AfricasTalking, AfricasTalkingError> {
        AfricasTalking::new(self)
    }
}

impl fmt::Debug for AfricasTalkingOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AfricasTalkingOptions")
            .field("from", &self.from)
            .field("enqueue", &self.enqueue)
            .field("text_policy", &self.text_policy)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_variable_is_named_at_once() {
        for (username, expected) in [
            ("", "set AFRICASTALKING_USERNAME, AFRICASTALKING_API_KEY"),
            ("app", "set AFRICASTALKING_API_KEY"),
        ] {
            let options = AfricasTalkingOptions::from_variables(|name| match name {
                "AFRICASTALKING_USERNAME" => Some(username.into()),
                _ => None,
            });
            assert_eq!(options.unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn the_sandbox_is_known_by_its_user_name() {
        let url = |username: &str, url: Option<&str>| {
            let options = AfricasTalkingOptions::from_variables(|name| match name {
                "AFRICASTALKING_USERNAME" => Some(username.into()),
                "AFRICASTALKING_API_KEY" => Some("key".into()),
                "AFRICASTALKING_API_URL" => url.map(str::to_owned),
                _ => None,
            });
            options.unwrap().url
        };
        assert_eq!(url("app", None), AFRICAS_TALKING_URL);
        assert_eq!(url(" sandbox ", None), AFRICAS_TALKING_SANDBOX_URL);
        let own = "http://127.0.0.1:8080/version1";
        assert_eq!(url("sandbox", Some(own)), own);
    }

    #[test]
    fn no_credential_is_shown() {
        let options = AfricasTalkingOptions::from_variables(|name| Some(format!("canary-{name}")));
        let options = options.unwrap().from("TEST");
        let shown = format!("{options:?}");
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains("TEST"), "{shown}");
    }
}
