//! A provider around the gateway's client that dies in mid-send, as a machine does: nothing is flushed, nothing is told.

use std::sync::atomic::{AtomicU64, Ordering};

use queue::BoxFuture;
use queue::provider::{Provider, ProviderError, Receipt, Salum, SendContext};
use queue::sms::SmsMessage;

/// Sends through the gateway's client, until it is time to die.
pub(crate) struct CrashAfter {
    salum: Salum,
    accepted: AtomicU64,
    limit: Option<u64>,
}

impl CrashAfter {
    /// Dies when the gateway accepted message number `limit`, before anybody writes that down; never when it is `None`.
    pub(crate) fn new(salum: Salum, limit: Option<u64>) -> Self {
        Self {
            salum,
            accepted: AtomicU64::new(0),
            limit,
        }
    }
}

impl Provider<SmsMessage> for CrashAfter {
    fn name(&self) -> &str {
        Provider::<SmsMessage>::name(&self.salum)
    }

    fn send<'a>(
        &'a self,
        message: &'a SmsMessage,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async move {
            let answer = self.salum.send(message, context).await;
            if answer.is_ok() {
                let accepted = self.accepted.fetch_add(1, Ordering::SeqCst) + 1;
                // One thread dies for all: others may get here before it is done.
                if self.limit == Some(accepted) {
                    crate::output::note(&format!(
                        "crashing in mid-send after {accepted} messages, as asked; run again without --crash-after"
                    ));
                    std::process::abort();
                }
            }
            answer
        })
    }
}
