//! [`Timed`]: a provider that sends when the recipient's window is open.

use super::hours::{QuietHours, Timing};
use crate::clock::Timestamp;
use crate::future::BoxFuture;
use crate::job::Priority;
use crate::policy::Refusal;
use crate::provider::{Answer, Capacity, Inquiry, Provider, ProviderError, Receipt, SendContext};
use crate::sms::SmsMessage;

/// A provider that holds messages back during the recipients' [`QuietHours`]. Made by [`QuietHours::around`].
#[derive(Clone, Debug)]
pub struct Timed<P> {
    provider: P,
    hours: QuietHours,
}

impl<P> Timed<P> {
    pub(super) fn new(provider: P, hours: QuietHours) -> Self {
        Self { provider, hours }
    }
}

impl<P: Provider<SmsMessage>> Provider<SmsMessage> for Timed<P> {
    fn name(&self) -> &str {
        self.provider.name()
    }

    fn send<'a>(
        &'a self,
        message: &'a SmsMessage,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        let error = match self.hours.timing(&message.recipient, context) {
            Timing::Now => return self.provider.send(message, context),
            Timing::After(wait) => {
                ProviderError::throttled(wait, "the recipient's window is closed")
            }
            Timing::Never => ProviderError::misconfigured(
                "no moment is open in every time zone of the recipient's country: widen the windows, or tell its zone",
            ),
        };
        Box::pin(async move { Err(error.code(Refusal::QuietHours)) })
    }

    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, SmsMessage>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        self.provider.inquire(inquiry)
    }

    fn capacity(&self, priority: Priority, now: Timestamp) -> Capacity {
        self.provider.capacity(priority, now)
    }
}
