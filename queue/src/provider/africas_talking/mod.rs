//! [`AfricasTalking`]: bulk SMS through Africa's Talking.

mod error;
mod options;
#[cfg(test)]
#[cfg(all(feature = "testing", any(feature = "tls-aws-lc", feature = "tls-ring")))]
mod tests;
mod wire;

pub use error::AfricasTalkingError;
pub use options::{AFRICAS_TALKING_SANDBOX_URL, AFRICAS_TALKING_URL, AfricasTalkingOptions};

use std::fmt;
use std::sync::Arc;

use reqwest::header::{HeaderName, HeaderValue};
use secrecy::ExposeSecret;

use self::error::Verdict;
use self::wire::{Answer, Row, SendMessage};
use super::http::{self, BaseUrl, HttpAnswer, HttpClient, HttpFailure};
use super::{Provider, ProviderError, Receipt, SendContext};
use crate::delivery::AFRICAS_TALKING;
use crate::future::BoxFuture;
use crate::sms::{SmsMessage, SmsText, TextPolicy};

/// The provider's name in receipts, logs and metrics.
const NAME: &str = AFRICAS_TALKING;

/// Where messages go, under the API's address.
const ENDPOINT: &str = "messaging";

/// The header that carries the key.
const KEY_HEADER: HeaderName = HeaderName::from_static("apikey");

/// Sends SMS through Africa's Talking: one message, one call.
///
/// A refusal in words is *surely not sent*; a timeout, a cut connection, a 5xx or an answer without sense is *unknown*.
/// There is no idempotency key for SMS (its `Idempotency-Key` is for airtime and data), no validity period for bulk
/// messages, and nothing to ask about an earlier send: what became of it comes as a delivery report only.
///
/// Clones share the connections.
///
/// Alone it obeys no rate and gives up on nobody: [`ProviderStack::new`](crate::provider::stack::ProviderStack::new) guards
/// it.
///
/// # Examples
/// ```no_run
/// use queue::provider::{AfricasTalking, AfricasTalkingOptions};
///
/// let africas_talking = AfricasTalking::from_env()?;
/// let sandbox = AfricasTalkingOptions::new("sandbox", "key").from("MY-SENDER").build()?;
/// # Ok::<(), queue::provider::AfricasTalkingError>(())
/// ```
#[derive(Clone)]
pub struct AfricasTalking {
    shared: Arc<Shared>,
}

struct Shared {
    client: HttpClient,
    url: BaseUrl,
    username: String,
    api_key: HeaderValue,
    from: Option<String>,
    enqueue: bool,
    text_policy: TextPolicy,
}

impl AfricasTalking {
    /// A client with these settings. Connects with the first message.
    ///
    /// # Errors
    /// [`AfricasTalkingError`] when a setting is empty, the key can't be one, the address is not usable, or TLS can't be
    /// set up.
    pub fn new(options: AfricasTalkingOptions) -> Result<Self, AfricasTalkingError> {
        let key = options.api_key.expose_secret().trim();
        let settings = [
            ("username", Some(options.username.as_str())),
            ("api_key", Some(key)),
            ("from", options.from.as_deref()),
        ];
        let empty = |(name, value): (&'static str, Option<&str>)| {
            value
                .is_some_and(|value| value.trim().is_empty())
                .then_some(name)
        };
        let names: Vec<&'static str> = settings.into_iter().filter_map(empty).collect();
        if !names.is_empty() {
            return Err(AfricasTalkingError::Missing { names });
        }
        let mut api_key = HeaderValue::from_str(key).map_err(|_| AfricasTalkingError::Key)?;
        api_key.set_sensitive(true);
        let url = BaseUrl::parse(&options.url, options.insecure_allowed)
            .map_err(AfricasTalkingError::Url)?;
        Ok(Self {
            shared: Arc::new(Shared {
                client: HttpClient::new(&url, options.connect_timeout)
                    .map_err(AfricasTalkingError::Tls)?,
                url,
                username: options.username,
                api_key,
                from: options.from,
                enqueue: options.enqueue,
                text_policy: options.text_policy,
            }),
        })
    }

    /// A client with the settings in the environment; see [`AfricasTalkingOptions::from_env`].
    ///
    /// # Errors
    /// [`AfricasTalkingError`]; one error names all missing variables.
    pub fn from_env() -> Result<Self, AfricasTalkingError> {
        Self::new(AfricasTalkingOptions::from_env()?)
    }
}

impl Shared {
    async fn send(
        &self,
        message: &SmsMessage,
        context: &SendContext,
    ) -> Result<Receipt, ProviderError> {
        let Some(text) = message.text.under(self.text_policy) else {
            return Err(ProviderError::rejected(
                "the text has characters outside the GSM 7-bit alphabet, which the settings don't allow",
            ));
        };
        if context.timeout.is_zero() {
            return Err(ProviderError::transient("no time left: nothing was sent"));
        }
        let to = message.recipient.as_e164();
        let send = SendMessage {
            username: &self.username,
            to,
            text: text.as_str(),
            from: self.from.as_deref(),
            enqueue: self.enqueue,
        };
        let request = self
            .client
            .post_form(self.url.join(ENDPOINT), send.form())
            .header(KEY_HEADER, self.api_key.clone());
        match http::call(request, context.timeout).await {
            Ok(answer) => read(&answer, to, &text),
            Err(HttpFailure::NotSent(words)) => Err(ProviderError::transient(words)),
            Err(HttpFailure::Unknown(words)) => Err(ProviderError::unknown(words)),
        }
    }
}

/// What an answer says of the message to `to`.
fn read(answer: &HttpAnswer, to: &str, text: &SmsText) -> Result<Receipt, ProviderError> {
    let by_status = || http::status_error(answer.status, answer.retry_after);
    if !answer.is_believable() {
        return Err(by_status());
    }
    let Some(read) = Answer::read(&answer.body) else {
        // Refusals of the request itself are plain text.
        return Err(match answer.is_success() {
            true => ProviderError::unknown("the answer makes no sense"),
            false => by_status(),
        });
    };
    if read.rows.is_empty() {
        return Err(error::refused_as_a_whole(&read.message));
    }
    let rows: Vec<&Row> = read.rows.iter().filter(|row| row.is_about(to)).collect();
    let Some((row, more)) = rows.split_first() else {
        return Err(ProviderError::unknown("the answer has no row for it"));
    };
    let verdict = error::verdict(row.code, &row.status);
    if more
        .iter()
        .any(|row| error::verdict(row.code, &row.status) != verdict)
    {
        return Err(ProviderError::unknown("the answer's rows disagree"));
    }
    match verdict {
        // A status that is no success contradicts it.
        Verdict::Accepted if !answer.is_success() => Err(by_status()),
        Verdict::Accepted => {
            let receipt = Receipt::new(NAME).segments(text.segments());
            Ok(match &row.message_id {
                Some(id) => receipt.message_id(id),
                None => receipt,
            })
        }
        Verdict::Refused(error) => Err(error),
        Verdict::Senseless => Err(ProviderError::unknown("the answer's row makes no sense")),
    }
}

impl Provider<SmsMessage> for AfricasTalking {
    fn name(&self) -> &str {
        NAME
    }

    fn send<'a>(
        &'a self,
        message: &'a SmsMessage,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(self.shared.send(message, context))
    }
}

impl fmt::Debug for AfricasTalking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AfricasTalking")
            .field("host", &self.shared.url.host())
            .field("from", &self.shared.from)
            .finish_non_exhaustive()
    }
}
