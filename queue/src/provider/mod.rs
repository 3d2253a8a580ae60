//! Who delivers a message.

mod error;
#[cfg(feature = "sms")]
mod from_env;
#[cfg(feature = "http")]
mod http;
mod inquiry;
mod message;
mod mock;
mod receipt;
#[cfg(feature = "salum")]
mod salum;

pub use error::{ProviderError, ProviderErrorKind};
#[cfg(feature = "sms")]
pub use from_env::{FromEnvError, provider_from_env};
#[cfg(feature = "http")]
pub use http::{TlsError, UrlError};
pub use inquiry::{Answer, Inquiry};
pub use message::{IntoMessage, Message, RenderError};
pub use mock::{MOCK_CALLS_MAX, Mock, MockAnswer, MockCall, MockInquiry};
pub use receipt::Receipt;
#[cfg(feature = "salum")]
pub use salum::{
    BULK_ROWS, BULK_ROWS_MAX, Balance, CALLS_IN_FLIGHT, DeliveryFailure, DeliveryReport,
    DeliveryState, ParseBalanceError, SALUM_URL, Salum, SalumError, SalumOptions,
};

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::future::BoxFuture;
use crate::job::{IdempotencyKey, JobId, Tenant};

/// Delivers messages of one channel.
///
/// Object safe: `Arc<dyn Provider<SmsMessage>>` is a provider too. Wrappers (limits, breakers, failover) are providers
/// around providers.
pub trait Provider<M: Message>: Send + Sync + 'static {
    /// The provider's name, for logs, metrics and receipts: lower case, such as `salum`.
    fn name(&self) -> &str;

    /// Hands `message` to the provider and reports what it said.
    ///
    /// # Errors
    /// A [`ProviderError`] that says which of the five things happened: rejected, throttled, transient (surely not
    /// sent), unknown (may have been sent) or misconfigured.
    ///
    /// # Cancel safety
    /// Dropping the future may leave the message sent or not: whoever drops it must count the outcome as unknown.
    fn send<'a>(
        &'a self,
        message: &'a M,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>>;

    /// Asks the provider what became of an earlier send whose outcome nobody knows. Asked before a job of the policy
    /// [`Ask`](crate::job::UnknownPolicy::Ask) is sent again. Default: it can't tell.
    ///
    /// Answer [`NotSent`](Answer::NotSent) only when the earlier send can't arrive any more: a message that the provider
    /// has not listed *yet* is one that it can't tell about. A wrapper passes the question on to the provider it wraps.
    ///
    /// # Errors
    /// A [`ProviderError`] of the question itself; the job is asked about again later, and nothing is sent.
    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, M>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        let _ = inquiry;
        Box::pin(async { Ok(Answer::CannotTell) })
    }
}

impl<M: Message, P: Provider<M> + ?Sized> Provider<M> for Arc<P> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn send<'a>(
        &'a self,
        message: &'a M,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        (**self).send(message, context)
    }

    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, M>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        (**self).inquire(inquiry)
    }
}

impl<M: Message, P: Provider<M> + ?Sized> Provider<M> for Box<P> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn send<'a>(
        &'a self,
        message: &'a M,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        (**self).send(message, context)
    }

    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, M>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        (**self).inquire(inquiry)
    }
}

/// What a provider may know of the job behind a message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SendContext {
    /// The job; the same on every attempt, so it serves as the provider's idempotency key.
    pub job: JobId,
    /// The caller's idempotency key, when it gave one.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The number of this attempt, from 1.
    pub attempt: u16,
    /// How long this call may take: the send timeout, or less when the deadline is nearer.
    pub timeout: Duration,
    /// The job is never sent from this moment on.
    pub deadline: Option<Timestamp>,
    /// On whose behalf it is sent.
    pub tenant: Option<Tenant>,
}

impl SendContext {
    /// The context of a first attempt at `job`, with `timeout` for the call.
    pub fn new(job: JobId, timeout: Duration) -> Self {
        Self {
            job,
            idempotency_key: None,
            attempt: 1,
            timeout,
            deadline: None,
            tenant: None,
        }
    }
}
