//! [`Salum`]: the SMS gateway of Salum, and of its family: Advanta, TextSMS, Sunface, Celcom.

mod api;
mod balance;
mod error;
mod inquiry;
mod matching;
mod options;
#[cfg(test)]
#[cfg(all(feature = "testing", any(feature = "tls-aws-lc", feature = "tls-ring")))]
mod tests;
mod waiting;
mod wire;

pub use balance::{Balance, ParseBalanceError};
pub use error::SalumError;
pub use options::{BULK_ROWS, BULK_ROWS_MAX, CALLS_IN_FLIGHT, SALUM_URL, SalumOptions};

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use self::api::Api;
use self::waiting::Batcher;
use self::wire::Credentials;
use super::http::{BaseUrl, HttpClient};
use super::{Answer, Inquiry, Provider, ProviderError, Receipt, SendContext};
use crate::delivery::{DeliveryReport, SALUM};
use crate::future::BoxFuture;
use crate::sms::{SmsMessage, TextPolicy};

/// The provider's name in receipts, logs and metrics.
const NAME: &str = SALUM;

/// How long a question (a delivery report, the balance) may take.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest message id that is asked about.
const MESSAGE_ID_BYTES_MAX: usize = 128;

/// Sends SMS through Salum, or another gateway of its family.
///
/// One message that comes alone is sent at once with `sendsms`. Messages that come while all
/// [`calls_in_flight`](SalumOptions::calls_in_flight) are busy wait, at most half of their time, and go out together
/// with `sendbulk`. In an answer, messages are found by their job's id, then by number, never by position; one that the
/// answer does not mention is unknown.
///
/// The gateway has no idempotency key. What is sure is told apart from what is not: no connection, or a refusal in
/// words, is *surely not sent*; a timeout, a cut connection or an answer without sense is *unknown*.
///
/// Clones share the connections and the waiting messages. When the last one is dropped, calls in flight are aborted;
/// nothing runs on.
///
/// Alone it obeys no rate and gives up on nobody: [`ProviderStack::new`](crate::provider::stack::ProviderStack::new) guards
/// it.
///
/// # Examples
/// ```no_run
/// use queue::provider::{Salum, SalumOptions};
///
/// let salum = Salum::from_env()?;
/// let other = SalumOptions::new("key", "1234", "MY-SENDER")
///     .url("https://quicksms.advantasms.com/api/services/")
///     .trailing_slash(false)
///     .bulk_rows(1000)
///     .build()?;
/// # Ok::<(), queue::provider::SalumError>(())
/// ```
#[derive(Clone)]
pub struct Salum {
    api: Arc<Api>,
    batcher: Arc<Batcher>,
    text_policy: TextPolicy,
}

impl Salum {
    /// A client with these settings. Connects with the first message.
    ///
    /// # Errors
    /// [`SalumError`] when a credential is empty, the address is not usable, or TLS can't be set up.
    pub fn new(options: SalumOptions) -> Result<Self, SalumError> {
        use secrecy::ExposeSecret;
        let settings = [
            ("api_key", options.api_key.expose_secret()),
            ("partner_id", options.partner_id.expose_secret()),
            ("shortcode", options.shortcode.as_str()),
        ];
        let empty = |(name, value): (&'static str, &str)| value.trim().is_empty().then_some(name);
        let names: Vec<&'static str> = settings.into_iter().filter_map(empty).collect();
        if !names.is_empty() {
            return Err(SalumError::Missing { names });
        }
        let url =
            BaseUrl::parse(&options.url, options.insecure_allowed).map_err(SalumError::Url)?;
        let api = Arc::new(Api {
            client: HttpClient::new(&url, options.connect_timeout).map_err(SalumError::Tls)?,
            url,
            trailing_slash: options.trailing_slash,
            credentials: Credentials {
                api_key: options.api_key,
                partner_id: options.partner_id,
            },
            shortcode: options.shortcode,
            segment_price: options.segment_price,
            rows_max: AtomicUsize::new(options.bulk_rows),
        });
        let batcher = Batcher::new(Arc::clone(&api), options.calls_in_flight, options.linger);
        Ok(Self {
            api,
            batcher: Arc::new(batcher),
            text_policy: options.text_policy,
        })
    }

    /// A client with the settings in the environment; see [`SalumOptions::from_env`].
    ///
    /// # Errors
    /// [`SalumError`]; one error names all missing variables.
    pub fn from_env() -> Result<Self, SalumError> {
        Self::new(SalumOptions::from_env()?)
    }

    /// What became of the message that was accepted under `message_id`, as far as the gateway knows: `Accepted` when it has
    /// no report yet. A [`DeliveryPoller`](crate::delivery::DeliveryPoller) asks at the right times.
    ///
    /// # Errors
    /// A [`ProviderError`], never *unknown*: a question may always be asked again.
    pub async fn delivery_report(&self, message_id: &str) -> Result<DeliveryReport, ProviderError> {
        if !is_message_id(message_id) {
            return Err(ProviderError::rejected("not a message id of the gateway's"));
        }
        self.api.delivery_report(message_id, QUESTION_TIMEOUT).await
    }

    /// What is left on the account.
    ///
    /// # Errors
    /// A [`ProviderError`], never *unknown*: a question may always be asked again.
    pub async fn balance(&self) -> Result<Balance, ProviderError> {
        self.api.balance(QUESTION_TIMEOUT).await
    }

    /// How many messages wait for a free call.
    pub fn waiting(&self) -> usize {
        self.batcher.waiting()
    }
}

impl Provider<SmsMessage> for Salum {
    fn name(&self) -> &str {
        NAME
    }

    fn send<'a>(
        &'a self,
        message: &'a SmsMessage,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async move {
            let Some(text) = message.text.under(self.text_policy) else {
                return Err(ProviderError::rejected(
                    "the text has characters outside the GSM 7-bit alphabet, which the gateway does not promise to deliver",
                ));
            };
            if context.timeout.is_zero() {
                return Err(ProviderError::transient("no time left: nothing was sent"));
            }
            let id = context.job.to_string();
            self.batcher
                .send(id, message.recipient, text, context.timeout)
                .await
        })
    }

    /// Asks with `getdlr`, which knows messages by the gateway's own ids only: without one it can't tell.
    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, SmsMessage>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        Box::pin(self.answer(inquiry))
    }
}

/// Whether `text` may be an id of the gateway's.
fn is_message_id(text: &str) -> bool {
    (1..=MESSAGE_ID_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl fmt::Debug for Salum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Salum")
            .field("host", &self.api.url.host())
            .field("shortcode", &self.api.shortcode)
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}
