//! Says when a message was counted and is about to be sent, and when its receipt is on record and nothing is settled yet: the
//! two moments at which a kill costs most. It waits a little at both, so that whoever listens can act.

use std::time::Duration;

use queue::clock::Timestamp;
use queue::provider::{Answer, Capacity, Inquiry, Provider, ProviderError, Receipt, SendContext};
use queue::sms::SmsMessage;
use queue::{BoxFuture, Priority};

use crate::printer::Printer;

pub(crate) struct Announce<P> {
    pub(crate) inner: P,
    pub(crate) printer: Printer,
    pub(crate) pause: Duration,
}

impl<P: Provider<SmsMessage>> Provider<SmsMessage> for Announce<P> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn send<'a>(
        &'a self,
        message: &'a SmsMessage,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async move {
            self.printer
                .say(format!("counted {} {}", context.job, context.attempt));
            tokio::time::sleep(self.pause).await;
            let answer = self.inner.send(message, context).await;
            if answer.is_ok() {
                self.printer
                    .say(format!("recorded {} {}", context.job, context.attempt));
                tokio::time::sleep(self.pause).await;
            }
            answer
        })
    }

    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, SmsMessage>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        self.inner.inquire(inquiry)
    }

    fn capacity(&self, priority: Priority, now: Timestamp) -> Capacity {
        self.inner.capacity(priority, now)
    }
}
