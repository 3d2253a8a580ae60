//! [`Tracked`]: a provider whose messages are recorded.

use super::Deliveries;
use crate::backend::BackendError;
use crate::future::BoxFuture;
use crate::provider::{
    Message, Provider, ProviderError, ProviderErrorKind, Receipt, SendContext,
};

/// A provider whose accepted messages, and those of unknown outcome, are recorded in [`Deliveries`].
///
/// The receipt is recorded as soon as the provider answered and *before* the worker settles the job. So what a crash leaves
/// behind is known as far as anybody can: when the process dies after the answer, the job ends unknown and its message is
/// on record, and a report decides. When it dies before the answer, the message's id is lost with it; only a report that
/// says itself which job it is about can still be tied to it ([`Deliveries::apply_to`]).
///
/// It costs two durable writes for each message, made while the attempt runs, on top of the job's own two. When the store
/// refuses them, the message counts as accepted all the same, because it was, and its delivery is not tracked; that is
/// logged. Wrap each provider, inside of what chooses between them: the receipt's provider is what reports are found by, so
/// two accounts with one provider in one store must not use the same message ids.
#[derive(Clone, Debug)]
pub struct Tracked<P> {
    provider: P,
    deliveries: Deliveries,
}

impl<P> Tracked<P> {
    /// Sends through `provider` and records in `deliveries`.
    pub fn new(provider: P, deliveries: Deliveries) -> Self {
        Self {
            provider,
            deliveries,
        }
    }

    /// The provider that sends.
    pub fn inner(&self) -> &P {
        &self.provider
    }
}

impl<M: Message, P: Provider<M>> Provider<M> for Tracked<P> {
    fn name(&self) -> &str {
        self.provider.name()
    }

    fn send<'a>(
        &'a self,
        message: &'a M,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async move {
            let answer = self.provider.send(message, context).await;
            let name = self.provider.name();
            let record = Record::of(&answer, name);
            if let Some(record) = record {
                let deliveries = self.deliveries.clone();
                let (job, attempt) = (context.job, context.attempt);
                // A task of its own, which ends by itself: an attempt that is cut off now must not lose the receipt.
                let written =
                    tokio::spawn(async move { record.write(&deliveries, job, attempt).await });
                if let Ok(Err(error)) = written.await {
                    tracing::warn!(
                        job.id = %job,
                        error.kind = error.kind().as_str(),
                        reason = %error,
                        "a message was sent and its delivery is not tracked"
                    );
                }
            }
            answer
        })
    }
}

/// What is recorded of an answer.
enum Record {
    Accepted(Receipt),
    Doubted(String),
}

impl Record {
    fn of(answer: &Result<Receipt, ProviderError>, provider: &str) -> Option<Self> {
        match answer {
            Ok(receipt) => Some(Self::Accepted(receipt.clone())),
            Err(error) => match error.kind() {
                ProviderErrorKind::Unknown => Some(Self::Doubted(provider.to_owned())),
                ProviderErrorKind::Rejected
                | ProviderErrorKind::Throttled { .. }
                | ProviderErrorKind::Transient { .. }
                | ProviderErrorKind::Misconfigured => None,
            },
        }
    }

    async fn write(
        self,
        deliveries: &Deliveries,
        job: crate::job::JobId,
        attempt: u16,
    ) -> Result<(), BackendError> {
        match self {
            Self::Accepted(receipt) => deliveries.accepted(job, attempt, &receipt).await,
            Self::Doubted(provider) => deliveries.doubted(job, attempt, &provider).await,
        }
    }
}
