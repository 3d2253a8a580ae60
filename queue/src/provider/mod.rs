//! Who delivers a message.

#[cfg(feature = "africas-talking")]
mod africas_talking;
mod capacity;
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
pub mod stack;
#[cfg(feature = "twilio")]
mod twilio;

#[cfg(feature = "africas-talking")]
pub use africas_talking::{
    AFRICAS_TALKING_SANDBOX_URL, AFRICAS_TALKING_URL, AfricasTalking, AfricasTalkingError,
    AfricasTalkingOptions,
};
pub use capacity::Capacity;
pub use error::{ProviderError, ProviderErrorKind};
#[cfg(feature = "sms")]
pub use from_env::{FromEnvError, FromEnvFault, provider_from_env};
#[cfg(feature = "http")]
pub use http::{TlsError, UrlError};
pub use inquiry::{Answer, Inquiry};
pub use message::{IntoMessage, Message, RenderError};
pub use mock::{MOCK_CALLS_MAX, Mock, MockAnswer, MockCall, MockInquiry};
pub use receipt::{MESSAGE_ID_BYTES_MAX, PROVIDER_NAME_BYTES_MAX, Receipt};
#[cfg(feature = "salum")]
pub use salum::{
    BULK_ROWS, BULK_ROWS_MAX, Balance, CALLS_IN_FLIGHT, ParseBalanceError, SALUM_URL, Salum,
    SalumError, SalumOptions,
};
#[cfg(feature = "twilio")]
pub use twilio::{
    TWILIO_URL, Twilio, TwilioError, TwilioMessage, TwilioOptions, TwilioSender, TwilioStatus,
};

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::future::BoxFuture;
use crate::job::{IdempotencyKey, JobId, Kind, Priority, Tenant, UnknownPolicy};

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

    /// How many messages of jobs of this priority it would take at `now`. Asked before jobs are leased, often: it must not
    /// wait. Default: [`Capacity::Open`].
    fn capacity(&self, priority: Priority, now: Timestamp) -> Capacity {
        let _ = (priority, now);
        Capacity::Open
    }

    /// Asks the provider what became of an earlier send whose outcome nobody knows. Asked before a job of the policy
    /// [`Ask`](crate::job::UnknownPolicy::Ask) is sent again. Default: it can't tell.
    ///
    /// Answer [`NotSent`](Answer::NotSent) only when the earlier send can't arrive any more: a message that the provider
    /// has not listed *yet* is one that it can't tell about. A wrapper passes the question on to the provider it wraps.
    ///
    /// # Errors
    /// A [`ProviderError`] of the question itself; the job is asked about again later, and nothing is sent. *Transient* with a
    /// time is the answer of a provider that can't tell yet: it is asked again then, and no attempt is charged.
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

    fn capacity(&self, priority: Priority, now: Timestamp) -> Capacity {
        (**self).capacity(priority, now)
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

    fn capacity(&self, priority: Priority, now: Timestamp) -> Capacity {
        (**self).capacity(priority, now)
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
    /// The job's kind, such as `otp`; `None` when there is no job.
    pub kind: Option<Kind>,
    /// The caller's idempotency key, when it gave one.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The number of this attempt, from 1.
    pub attempt: u16,
    /// How long this call may take: the send timeout, or less when the deadline is nearer.
    pub timeout: Duration,
    /// The job is never sent from this moment on.
    pub deadline: Option<Timestamp>,
    /// How long it was until the deadline when this attempt began: what a provider may take as the message's validity.
    pub time_left: Option<Duration>,
    /// The job's priority: urgent messages go elsewhere while others wait for their provider.
    pub priority: Priority,
    /// What becomes of the job when nobody knows whether it was sent. Only under [`UnknownPolicy::Retry`] may a message
    /// whose outcome is unknown be given to another provider.
    pub unknown: UnknownPolicy,
    /// On whose behalf it is sent.
    pub tenant: Option<Tenant>,
}

impl SendContext {
    /// The context of a first attempt at `job`, with `timeout` for the call.
    pub fn new(job: JobId, timeout: Duration) -> Self {
        Self {
            job,
            kind: None,
            idempotency_key: None,
            attempt: 1,
            timeout,
            deadline: None,
            time_left: None,
            priority: Priority::Normal,
            unknown: UnknownPolicy::Retry,
            tenant: None,
        }
    }
}
