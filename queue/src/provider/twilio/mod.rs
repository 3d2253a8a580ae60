//! [`Twilio`]: SMS through Twilio's Messages.

mod api;
mod error;
mod inquiry;
mod message;
mod options;
#[cfg(test)]
#[cfg(all(feature = "testing", any(feature = "tls-aws-lc", feature = "tls-ring")))]
mod tests;
mod wire;

pub use error::TwilioError;
pub use message::{TwilioMessage, TwilioStatus};
pub use options::{TWILIO_URL, TwilioOptions, TwilioSender};

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;

use self::api::Api;
use self::wire::CreateMessage;
use super::http::{BaseUrl, CallbackUrl, HttpClient};
use super::{Answer, Inquiry, Provider, ProviderError, Receipt, SendContext};
use crate::clock::Clock;
use crate::delivery::{TWILIO, callback_url};
use crate::future::BoxFuture;
use crate::sms::{SmsMessage, TextPolicy};

/// The provider's name in receipts, logs and metrics.
const NAME: &str = TWILIO;

/// How long a question about a message may take.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends SMS through Twilio: one message, one call.
///
/// A refusal in words is *surely not sent*; a timeout, a cut connection, a 5xx or an answer without sense is *unknown*.
/// Twilio documents no idempotency key for messages: the job's id goes along in a header, and nothing relies on it. A
/// job with a deadline gives Twilio the time that is left as `ValidityPeriod`, so a message that waits in Twilio's own
/// queue is not sent later.
///
/// Asked about an earlier send (policy `ask`), it looks among the messages to that number for one with the same text,
/// created since. A message of another job with that number and that very text counts as this one; one whose text differs
/// in small numbers only, such as minutes, leaves it undecided.
///
/// Clones share the connections.
///
/// Alone it obeys no rate and gives up on nobody: [`ProviderStack::new`](crate::provider::stack::ProviderStack::new) guards
/// it.
///
/// # Examples
/// ```no_run
/// use queue::provider::{Twilio, TwilioOptions, TwilioSender};
///
/// let twilio = Twilio::from_env()?;
/// let sender = TwilioSender::MessagingService("MG00000000000000000000000000000000".into());
/// let other = TwilioOptions::new("AC00000000000000000000000000000000", "auth token", sender)
///     .status_callback("https://app.example/reports/twilio")
///     .build()?;
/// # Ok::<(), queue::provider::TwilioError>(())
/// ```
#[derive(Clone)]
pub struct Twilio {
    api: Arc<Api>,
    sender: TwilioSender,
    status_callback: Option<CallbackUrl>,
    callback_per_attempt: bool,
    smart_encoded: bool,
    text_policy: TextPolicy,
    clock: Arc<dyn Clock>,
}

impl Twilio {
    /// A client with these settings. Connects with the first message.
    ///
    /// # Errors
    /// [`TwilioError`] when a setting is empty or malformed, an address is not usable, or TLS can't be set up.
    pub fn new(options: TwilioOptions) -> Result<Self, TwilioError> {
        let (sender_name, sender) = match &options.sender {
            TwilioSender::From(from) => ("sender", from),
            TwilioSender::MessagingService(sid) => ("messaging_service", sid),
        };
        let settings = [
            ("account_sid", options.account_sid.as_str()),
            ("key_sid", options.user.as_str()),
            ("auth_token or key_secret", options.password.expose_secret()),
            (sender_name, sender.as_str()),
        ];
        let empty = |(name, value): (&'static str, &str)| value.trim().is_empty().then_some(name);
        let mut names: Vec<&'static str> = settings.into_iter().filter_map(empty).collect();
        // With an auth token the account's SID is both.
        if options.user == options.account_sid {
            names.retain(|name| *name != "key_sid");
        }
        if !names.is_empty() {
            return Err(TwilioError::Missing { names });
        }
        let sid = |name, prefix, value: &str| match wire::is_sid(value, prefix) {
            true => Ok(()),
            false => Err(TwilioError::Sid { name, prefix }),
        };
        sid("account_sid", "AC", &options.account_sid)?;
        if options.user != options.account_sid {
            sid("key_sid", "SK", &options.user)?;
        }
        if let TwilioSender::MessagingService(service) = &options.sender {
            sid("messaging_service", "MG", service)?;
        }
        let callback = options.status_callback.as_ref();
        let callback = callback.map(|url| CallbackUrl::parse(url.expose_secret()));
        let url =
            BaseUrl::parse(&options.url, options.insecure_allowed).map_err(TwilioError::Url)?;
        Ok(Self {
            api: Arc::new(Api {
                client: HttpClient::new(&url, options.connect_timeout).map_err(TwilioError::Tls)?,
                url,
                account_sid: options.account_sid,
                user: options.user,
                password: options.password,
            }),
            sender: options.sender,
            status_callback: callback.transpose().map_err(TwilioError::StatusCallback)?,
            callback_per_attempt: options.callback_per_attempt,
            smart_encoded: options.smart_encoded,
            text_policy: options.text_policy,
            clock: options.clock,
        })
    }

    /// A client with the settings in the environment; see [`TwilioOptions::from_env`].
    ///
    /// # Errors
    /// [`TwilioError`]; one error names all missing variables.
    pub fn from_env() -> Result<Self, TwilioError> {
        Self::new(TwilioOptions::from_env()?)
    }

    /// What Twilio knows of the message that was accepted under `message_id`.
    ///
    /// # Errors
    /// A [`ProviderError`], never *unknown*: a question may always be asked again. Rejected when `message_id` is not of
    /// Twilio's form.
    pub async fn message(&self, message_id: &str) -> Result<TwilioMessage, ProviderError> {
        if !wire::is_message_sid(message_id) {
            return Err(ProviderError::rejected("not a message id of Twilio's"));
        }
        let listed = self.api.fetch(message_id, QUESTION_TIMEOUT).await?;
        Ok(listed.message)
    }

    async fn create(
        &self,
        message: &SmsMessage,
        context: &SendContext,
    ) -> Result<Receipt, ProviderError> {
        let Some(text) = message.text.under(self.text_policy) else {
            return Err(ProviderError::rejected(
                "the text has characters outside the GSM 7-bit alphabet, which the settings don't allow",
            ));
        };
        if text.as_str().chars().count() > wire::BODY_CHARS_MAX {
            return Err(ProviderError::rejected(
                "the text is longer than the 1600 characters that Twilio takes",
            ));
        }
        let left = context
            .deadline
            .map(|deadline| deadline.since(self.clock.now()));
        // Twilio counts whole seconds: with less, the message could leave after the deadline.
        let too_late = left.is_some_and(|left| left < Duration::from_secs(1));
        if context.timeout.is_zero() || too_late {
            return Err(ProviderError::transient("no time left: nothing was sent"));
        }
        let callback = self.status_callback.as_ref().map(CallbackUrl::as_str);
        let callback = callback.map(|url| match self.callback_per_attempt {
            true => Cow::Owned(callback_url(url, context.job, context.attempt)),
            false => Cow::Borrowed(url),
        });
        let create = CreateMessage {
            to: message.recipient.as_e164(),
            sender: &self.sender,
            text: &text,
            attempt: context.attempt,
            validity: left,
            status_callback: callback.as_deref(),
            smart_encoded: self.smart_encoded,
        };
        let created = self
            .api
            .create(&create, context.job, context.timeout)
            .await?
            .message;
        match created.failure() {
            Some(failure) => Err(failure),
            None => Ok(receipt(created, &text)),
        }
    }
}

impl Provider<SmsMessage> for Twilio {
    fn name(&self) -> &str {
        NAME
    }

    fn send<'a>(
        &'a self,
        message: &'a SmsMessage,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(self.create(message, context))
    }

    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, SmsMessage>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        Box::pin(self.find(inquiry))
    }
}

/// The receipt of `message`, whose text is `text`: by Twilio's count of segments, once it has one.
fn receipt(message: TwilioMessage, text: &crate::sms::SmsText) -> Receipt {
    let segments = message.segments.unwrap_or(text.segments());
    Receipt::new(NAME)
        .message_id(message.sid)
        .segments(segments)
}

impl fmt::Debug for Twilio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twilio")
            .field("host", &self.api.url.host())
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}
