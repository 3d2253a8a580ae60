//! [`Tracked`]: a provider whose messages are recorded.

use super::Deliveries;
use crate::clock::Timestamp;
use crate::future::BoxFuture;
use crate::job::{JobId, Priority, RecipientKey};
use crate::provider::{
    Answer, Capacity, Inquiry, Message, Provider, ProviderError, ProviderErrorKind, Receipt,
    SendContext,
};
use crate::telemetry::names;

/// A provider whose accepted messages, and those of unknown outcome, are recorded in [`Deliveries`].
///
/// The receipt is recorded as soon as the provider answered and *before* the worker settles the job. So what a crash leaves
/// behind is known as far as anybody can: when the process dies after the answer, the job ends unknown and its message is
/// on record, and a report decides. When it dies before the answer, the message's id is lost with it; only a report that
/// says itself which job it is about can still be tied to it ([`Deliveries::apply_to`]).
///
/// A job of the policy [`Ask`](crate::job::UnknownPolicy::Ask) is answered from that record where it can be, and the
/// provider is asked otherwise.
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
            if let Some(record) = Record::of(&answer, self.provider.name()) {
                let recipient = message.recipient_key();
                self.write(record, context.job, context.attempt, recipient)
                    .await;
            }
            answer
        })
    }

    fn capacity(&self, priority: Priority, now: Timestamp) -> Capacity {
        self.provider.capacity(priority, now)
    }

    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, M>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        Box::pin(async move {
            if let Some(receipt) = self.on_record(inquiry.job, inquiry.attempt).await {
                return Ok(Answer::Accepted(receipt));
            }
            let answer = self.provider.inquire(inquiry).await;
            if let Ok(Answer::Accepted(receipt)) = &answer {
                let record = Record::Accepted(receipt.clone());
                let recipient = inquiry.message.recipient_key();
                self.write(record, inquiry.job, inquiry.attempt, recipient)
                    .await;
            }
            answer
        })
    }
}

impl<P> Tracked<P> {
    async fn write(
        &self,
        record: Record,
        job: JobId,
        attempt: u16,
        recipient: Option<RecipientKey>,
    ) {
        let deliveries = self.deliveries.clone();
        // A task of its own, which ends by itself: an attempt that is cut off now must not lose the receipt.
        let written = tokio::spawn(async move {
            match record {
                Record::Accepted(receipt) => {
                    deliveries.accepted(job, attempt, &receipt, recipient).await
                }
                Record::Doubted(provider) => {
                    deliveries.doubted(job, attempt, &provider, recipient).await
                }
            }
        });
        if let Ok(Err(error)) = written.await {
            tracing::warn!(
                { names::JOB_ID } = %job,
                { names::ERROR_KIND } = error.kind().as_str(),
                { names::REASON } = %error,
                "a message was sent, and its delivery is not tracked"
            );
        }
    }

    /// The receipt of `attempt` at `job`, or of a later one, when it is on record: nobody has to be asked then.
    async fn on_record(&self, job: JobId, attempt: u16) -> Option<Receipt> {
        // A store that can't answer now leaves the question to the provider.
        let known = self.deliveries.job(job).await.ok()??;
        let message = known
            .messages
            .into_iter()
            .find(|message| message.attempt >= attempt && message.message_id.is_some())?;
        let receipt = Receipt::new(message.provider).segments(message.segments.max(1));
        Some(receipt.message_id(message.message_id?))
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
}
