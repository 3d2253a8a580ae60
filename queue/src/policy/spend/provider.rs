//! [`Capped`]: a provider that spends within bounds.

use super::guard::SpendGuard;
use crate::clock::Timestamp;
use crate::future::BoxFuture;
use crate::job::Priority;
use crate::provider::{
    Answer, Capacity, Inquiry, Provider, ProviderError, ProviderErrorKind, Receipt, SendContext,
};
use crate::sms::SmsMessage;

/// A provider that asks a [`SpendGuard`] before it sends. Made by [`SpendGuard::around`].
#[derive(Clone, Debug)]
pub struct Capped<P> {
    provider: P,
    guard: SpendGuard,
}

impl<P> Capped<P> {
    pub(super) fn new(provider: P, guard: SpendGuard) -> Self {
        Self { provider, guard }
    }
}

impl<P: Provider<SmsMessage>> Provider<SmsMessage> for Capped<P> {
    fn name(&self) -> &str {
        self.provider.name()
    }

    fn send<'a>(
        &'a self,
        message: &'a SmsMessage,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async move {
            let admission = self
                .guard
                .admit(message, context, self.provider.name())
                .await?;
            // If this is dropped or panics from here on, the message may have been sent, and stays counted.
            let answer = self.provider.send(message, context).await;
            if let Err(error) = &answer {
                match error.kind() {
                    ProviderErrorKind::Rejected
                    | ProviderErrorKind::Throttled { .. }
                    | ProviderErrorKind::Transient { .. }
                    | ProviderErrorKind::Misconfigured => self.guard.take_back(admission).await,
                    ProviderErrorKind::Unknown => {}
                }
            }
            answer
        })
    }

    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, SmsMessage>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        Box::pin(async move {
            let answer = self.provider.inquire(inquiry).await?;
            if answer == Answer::NotSent {
                let attempts = inquiry.attempt..=inquiry.last_attempt;
                self.guard.not_sent(inquiry.job, attempts).await;
            }
            Ok(answer)
        })
    }

    fn capacity(&self, priority: Priority, now: Timestamp) -> Capacity {
        let inner = self.provider.capacity(priority, now);
        match self.guard.closed_until(now) {
            Some(until) => inner.and(Capacity::ClosedUntil(until)),
            None => inner,
        }
    }
}
