//! [`Notifier`]: the shipped handler. Render, then send.

use crate::clock::Timestamp;
use crate::future::BoxFuture;
use crate::job::{Doubt, Job, Priority, UnknownPolicy};
use crate::provider::{
    Answer, Capacity, Inquiry, Message, Provider, ProviderError, ProviderErrorKind, SendContext,
};
use crate::worker::{Handler, JobContext, MISCONFIGURED_HOLD, Outcome};

/// Renders a job and hands the message to a provider.
///
/// A job of the policy [`Ask`](UnknownPolicy::Ask) whose earlier attempt is in doubt is asked about first: what the provider
/// accepted is completed, what it never got is sent, and when it can't tell, the job is kept as unknown. Question and send
/// have half of the attempt's time each.
///
/// The exhaustive match from variant to render function is the job enum's own: [`Job::render_within`].
#[derive(Clone, Debug)]
pub struct Notifier<P> {
    provider: P,
}

impl<P> Notifier<P> {
    /// Sends through `provider`.
    pub fn new(provider: P) -> Self {
        Self { provider }
    }
}

impl<J: Job, P: Provider<J::Message>> Handler<J> for Notifier<P> {
    fn handle<'a>(&'a self, job: &'a J, context: &'a JobContext) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let doubt = context
                .doubt
                .filter(|_| context.unknown == UnknownPolicy::Ask);
            // A text that says how much time is left reads as in the doubtful attempt: by it the provider finds that one.
            let time_left = match (doubt, context.deadline) {
                (Some(doubt), Some(deadline)) => Some(deadline.since(doubt.started_at)),
                _ => context.time_left,
            };
            let message = match job.render_within(time_left) {
                Ok(message) => message,
                Err(error) => return Outcome::from(error),
            };
            let mut send = context.send_context();
            if let Some(doubt) = doubt {
                // The question and the send share the attempt's time.
                send.timeout /= 2;
                if let Some(outcome) = self.ask(&message, doubt, &send).await {
                    return outcome;
                }
            }
            Outcome::from(self.provider.send(&message, &send).await)
        })
    }

    fn capacity(&self, priority: Priority, now: Timestamp) -> Capacity {
        self.provider.capacity(priority, now)
    }
}

impl<P> Notifier<P> {
    /// Asks what became of an earlier attempt; `None` when it surely sent nothing.
    async fn ask<M: Message>(
        &self,
        message: &M,
        doubt: Doubt,
        send: &SendContext,
    ) -> Option<Outcome>
    where
        P: Provider<M>,
    {
        let mut inquiry = Inquiry::new(
            send.job,
            doubt.attempt,
            doubt.started_at,
            message,
            send.timeout,
        )
        .until(doubt.last_attempt, doubt.ended_at);
        inquiry.idempotency_key = send.idempotency_key.clone();
        inquiry.tenant = send.tenant.clone();
        match self.provider.inquire(&inquiry).await {
            Ok(Answer::Accepted(receipt)) => Some(Outcome::Completed(Some(receipt))),
            Ok(Answer::NotSent) => None,
            Ok(Answer::CannotTell) => Some(Outcome::Unresolved {
                reason: format!(
                    "attempt {} may have been sent, and the provider can't tell",
                    doubt.attempt
                ),
            }),
            Err(error) => Some(unanswered(&error)),
        }
    }
}

/// What a question that failed means for the job: nothing was sent by this attempt, and the doubt stays.
fn unanswered(error: &ProviderError) -> Outcome {
    let reason = format!("the provider could not be asked about an earlier attempt: {error}");
    match error.kind() {
        ProviderErrorKind::Rejected => Outcome::Unresolved { reason },
        ProviderErrorKind::Throttled { after } => Outcome::Snooze { after, reason },
        ProviderErrorKind::Misconfigured => Outcome::Snooze {
            after: MISCONFIGURED_HOLD,
            reason,
        },
        // It says when it will know: until then nothing went wrong.
        ProviderErrorKind::Transient { after: Some(after) } => Outcome::Snooze { after, reason },
        ProviderErrorKind::Transient { after: None } | ProviderErrorKind::Unknown => {
            Outcome::Unknown { reason }
        }
    }
}
