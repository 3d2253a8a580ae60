//! [`TwilioOptions`]: credentials, sender and bounds of a [`Twilio`](super::Twilio) client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::{Twilio, TwilioError};
use crate::clock::{Clock, SystemClock};
use crate::provider::http::CONNECT_TIMEOUT;
use crate::sms::TextPolicy;

/// Where Twilio's API is.
pub const TWILIO_URL: &str = "https://api.twilio.com/";

/// Whom messages are from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TwilioSender {
    /// A number of the account in E.164 form, a short code, or an alphanumeric sender id.
    From(String),
    /// A Messaging Service, which chooses the sender: its SID, `MG` and 32 hexadecimal digits.
    MessagingService(String),
}

/// The settings of a [`Twilio`] client. `Debug` shows no credentials and no callback address.
#[derive(Clone)]
pub struct TwilioOptions {
    pub(super) account_sid: String,
    /// The name and the password of HTTP Basic.
    pub(super) user: String,
    pub(super) password: SecretString,
    pub(super) sender: TwilioSender,
    pub(super) url: String,
    pub(super) insecure_allowed: bool,
    pub(super) status_callback: Option<SecretString>,
    pub(super) callback_per_attempt: bool,
    pub(super) smart_encoded: bool,
    pub(super) text_policy: TextPolicy,
    pub(super) connect_timeout: Duration,
    pub(super) clock: Arc<dyn Clock>,
}

impl TwilioOptions {
    /// The settings of one account, with its primary auth token. An API key can be revoked alone: see
    /// [`with_api_key`](Self::with_api_key).
    pub fn new(
        account_sid: impl Into<String>,
        auth_token: impl Into<String>,
        sender: TwilioSender,
    ) -> Self {
        let account_sid = account_sid.into();
        let user = account_sid.clone();
        Self::of(account_sid, user, auth_token.into(), sender)
    }

    /// The settings of one account, with the SID (`SK…`) and the secret of an API key.
    pub fn with_api_key(
        account_sid: impl Into<String>,
        key_sid: impl Into<String>,
        key_secret: impl Into<String>,
        sender: TwilioSender,
    ) -> Self {
        Self::of(
            account_sid.into(),
            key_sid.into(),
            key_secret.into(),
            sender,
        )
    }

    fn of(account_sid: String, user: String, password: String, sender: TwilioSender) -> Self {
        Self {
            account_sid,
            user,
            password: SecretString::from(password),
            sender,
            url: TWILIO_URL.into(),
            insecure_allowed: false,
            status_callback: None,
            callback_per_attempt: false,
            smart_encoded: false,
            text_policy: TextPolicy::Allow,
            connect_timeout: CONNECT_TIMEOUT,
            clock: Arc::new(SystemClock::default()),
        }
    }

    /// The settings in the environment:
    ///
    /// - `TWILIO_ACCOUNT_SID`,
    /// - `TWILIO_API_KEY` (its SID) and `TWILIO_API_SECRET`, or else `TWILIO_AUTH_TOKEN`,
    /// - `TWILIO_FROM` or `TWILIO_MESSAGING_SERVICE_SID`, not both,
    /// - optionally `TWILIO_API_URL` and `TWILIO_STATUS_CALLBACK`.
    ///
    /// # Errors
    /// [`TwilioError::Missing`] names every variable that is missing or empty, all at once;
    /// [`TwilioError::TwoSenders`].
    pub fn from_env() -> Result<Self, TwilioError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// Like [`from_env`](Self::from_env), with the variables looked up by `variable`: for hosts that keep them elsewhere.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, TwilioError> {
        let given = |name: &str| {
            let value = variable(name)?;
            let value = value.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        let mut missing = Vec::new();
        let account_sid = given("TWILIO_ACCOUNT_SID");
        if account_sid.is_none() {
            missing.push("TWILIO_ACCOUNT_SID");
        }
        let credentials = match (
            given("TWILIO_API_KEY"),
            given("TWILIO_API_SECRET"),
            given("TWILIO_AUTH_TOKEN"),
        ) {
            (Some(key), Some(secret), _) => Some((Some(key), secret)),
            (_, _, Some(token)) => Some((None, token)),
            (Some(_), None, None) => {
                missing.push("TWILIO_API_SECRET");
                None
            }
            (None, Some(_), None) => {
                missing.push("TWILIO_API_KEY");
                None
            }
            (None, None, None) => {
                missing.push("TWILIO_AUTH_TOKEN (or TWILIO_API_KEY and TWILIO_API_SECRET)");
                None
            }
        };
        let sender = match (given("TWILIO_FROM"), given("TWILIO_MESSAGING_SERVICE_SID")) {
            (Some(_), Some(_)) => return Err(TwilioError::TwoSenders),
            (Some(from), None) => Some(TwilioSender::From(from)),
            (None, Some(sid)) => Some(TwilioSender::MessagingService(sid)),
            (None, None) => {
                missing.push("TWILIO_FROM (or TWILIO_MESSAGING_SERVICE_SID)");
                None
            }
        };
        let (Some(account_sid), Some((key, secret)), Some(sender)) =
            (account_sid, credentials, sender)
        else {
            return Err(TwilioError::Missing { names: missing });
        };
        let mut options = match key {
            Some(key) => Self::with_api_key(account_sid, key, secret, sender),
            None => Self::new(account_sid, secret, sender),
        };
        if let Some(url) = given("TWILIO_API_URL") {
            options = options.url(url);
        }
        if let Some(url) = given("TWILIO_STATUS_CALLBACK") {
            options = options.status_callback(url);
        }
        Ok(options)
    }

    /// Where the API is. Default: [`TWILIO_URL`]. It must be `https:`, unless it is on this machine.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// Also takes plain `http:` to another machine, which shows the credentials and every text to everybody on the way.
    #[must_use]
    pub fn allow_insecure_http(mut self) -> Self {
        self.insecure_allowed = true;
        self
    }

    /// Where Twilio posts what becomes of each message: an `https:` address, or `http:` on this machine. Default: none,
    /// or the Messaging Service's.
    #[must_use]
    pub fn status_callback(mut self, url: impl Into<String>) -> Self {
        self.status_callback = Some(SecretString::from(url.into()));
        self
    }

    /// Whether the callback's address says which attempt it is about, as
    /// [`callback_url`](crate::delivery::callback_url) writes it. Default: no. A `delivery::push::TwilioPush` reads it, and
    /// can then tell what became of an attempt whose answer was lost.
    #[must_use]
    pub fn callback_per_attempt(mut self, names: bool) -> Self {
        self.callback_per_attempt = names;
        self
    }

    /// Whether Twilio replaces typographic signs by likenesses in the GSM 7-bit alphabet (`SmartEncoded`). Default: no;
    /// [`text_policy`](Self::text_policy) can do the same before the text leaves.
    #[must_use]
    pub fn smart_encoded(mut self, smart: bool) -> Self {
        self.smart_encoded = smart;
        self
    }

    /// What happens to texts outside the GSM 7-bit alphabet. Default: [`TextPolicy::Allow`], for Twilio delivers them, in
    /// more segments.
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

    /// Whose time deadlines are measured by. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Connects nothing yet; see [`Twilio::new`].
    ///
    /// # Errors
    /// [`TwilioError`].
    pub fn build(self) -> Result<Twilio, TwilioError> {
        Twilio::new(self)
    }
}

impl fmt::Debug for TwilioOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioOptions")
            .field("sender", &self.sender)
            .field("status_callback", &self.status_callback.is_some())
            .field("smart_encoded", &self.smart_encoded)
            .field("text_policy", &self.text_policy)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<TwilioOptions, TwilioError> {
        TwilioOptions::from_variables(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let sid = ("TWILIO_ACCOUNT_SID", "AC0");
        let from_ = ("TWILIO_FROM", "TEST");
        let cases: [(&[(&str, &str)], &str); 4] = [
            (
                &[("TWILIO_AUTH_TOKEN", " ")],
                "set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN (or TWILIO_API_KEY and TWILIO_API_SECRET), TWILIO_FROM (or TWILIO_MESSAGING_SERVICE_SID)",
            ),
            (
                &[sid, from_, ("TWILIO_API_KEY", "SK0")],
                "set TWILIO_API_SECRET",
            ),
            (
                &[sid, from_, ("TWILIO_API_SECRET", "s")],
                "set TWILIO_API_KEY",
            ),
            (
                &[
                    sid,
                    from_,
                    ("TWILIO_AUTH_TOKEN", "t"),
                    ("TWILIO_MESSAGING_SERVICE_SID", "MG0"),
                ],
                "set TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID, not both",
            ),
        ];
        for (variables, expected) in cases {
            assert_eq!(from(variables).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn an_api_key_comes_before_the_auth_token() {
        let base = [
            ("TWILIO_ACCOUNT_SID", "AC0"),
            ("TWILIO_MESSAGING_SERVICE_SID", "MG0"),
            ("TWILIO_AUTH_TOKEN", "token"),
        ];
        let options = from(&base).unwrap();
        assert_eq!(options.user, "AC0");
        assert_eq!(options.url, TWILIO_URL);
        let both = [
            &base[..],
            &[("TWILIO_API_KEY", "SK0"), ("TWILIO_API_SECRET", "s")],
        ];
        let options = from(&both.concat()).unwrap();
        assert_eq!(options.user, "SK0");
        assert_eq!(options.sender, TwilioSender::MessagingService("MG0".into()));
    }

    #[test]
    fn no_credential_is_shown() {
        let options = from(&[
            ("TWILIO_ACCOUNT_SID", "canary-account"),
            ("TWILIO_API_KEY", "canary-key"),
            ("TWILIO_API_SECRET", "canary-secret"),
            ("TWILIO_FROM", "TEST"),
            ("TWILIO_API_URL", "https://canary-url/"),
            ("TWILIO_STATUS_CALLBACK", "https://canary-callback/"),
        ]);
        let shown = format!("{:?}", options.unwrap());
        assert!(!shown.contains("canary"), "{shown}");
    }
}
