//! Storing messages: one, many at once, or a batch whole or not at all; bounded in time, and repeated where nobody answered.

use std::time::Duration;

use async_nats::header;
use async_nats::jetstream::context::{PublishAckFuture, PublishError};
use async_nats::jetstream::publish::PublishAck;
use futures_util::FutureExt;
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use super::api::{ANSWER_WAIT, Api, PATIENCE, TRY_AGAIN};
use super::outgoing::Outgoing;
use super::refusal::{Refusal, unanswered, unpublished};
use crate::backend::BackendError;

impl Api {
    /// Stores a message; repeated while nobody answers, so it must be safe to send twice.
    pub(super) async fn publish(&self, message: Outgoing) -> Result<PublishAck, Refusal> {
        let mut answers = self.publish_all([message]).await;
        answers.pop().unwrap_or_else(|| Err(Refusal::Conflict))
    }

    /// Stores messages, all on their way at once; the answers are in their order.
    pub(super) async fn publish_all(
        &self,
        messages: impl IntoIterator<Item = Outgoing>,
    ) -> Vec<Result<PublishAck, Refusal>> {
        let mut publishing = self.publishing();
        for message in messages {
            publishing.send(message).await;
        }
        publishing.answers().await
    }

    /// Begins to store messages that are made one after the other.
    pub(super) fn publishing(&self) -> Publishing<'_> {
        Publishing {
            api: self,
            until: Instant::now() + ANSWER_WAIT,
            connects: self.connects(),
            messages: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// Waits for an acknowledgement, but not for one that was on its way on a connection that is gone: it never comes, and
    /// to wait its whole time would keep a worker idle for as long after each lost line.
    async fn heard(
        &self,
        acknowledgement: PublishAckFuture,
        until: Instant,
        connects: u64,
    ) -> Result<Result<PublishAck, PublishError>, Elapsed> {
        /// How late a new connection is noticed.
        const LOOK: Duration = Duration::from_millis(50);
        let mut acknowledgement = std::pin::pin!(acknowledgement.into_future());
        // Most come in bunches, and the first of a bunch is the only one that has to be waited for.
        if let Some(answer) = acknowledgement.as_mut().now_or_never() {
            return Ok(answer);
        }
        loop {
            let is_gone = self.connects() != connects;
            let look = match is_gone {
                true => Instant::now(),
                false => until.min(Instant::now() + LOOK),
            };
            match tokio::time::timeout_at(look, &mut acknowledgement).await {
                Err(late) if is_gone || Instant::now() >= until => return Err(late),
                Err(_) => {}
                Ok(answer) => return Ok(answer),
            }
        }
    }

    /// How many connections were made so far.
    fn connects(&self) -> u64 {
        let statistics = self.context.client().statistics();
        statistics
            .connects
            .load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Stores messages of one stream whole or not at all (ADR-50). Answers the sequence of the last one. Each message is made
    /// when the one before it is on its way, so that the server works meanwhile. When one can't be made, the server forgets
    /// those before it.
    pub(super) async fn publish_batch(
        &self,
        messages: impl IntoIterator<Item = Result<Outgoing, BackendError>>,
    ) -> Result<u64, Refusal> {
        let inbox = self.context.client().new_inbox();
        // The server takes at most 64 characters; what is unique in an inbox is its end.
        let id = inbox
            .get(inbox.len().saturating_sub(22)..)
            .unwrap_or_default();
        let mut last: Option<Outgoing> = None;
        let mut count = 0;
        for message in messages {
            if let Some(before) = last.take() {
                let subject = before.subject.clone();
                let (headers, payload) = before.into_parts();
                let client = self.context.client();
                let sent = client.publish_with_headers(subject, headers, payload).await;
                sent.map_err(|error| Refusal::Unheard(unanswered(error)))?;
            }
            count += 1;
            let message = message.map_err(Refusal::Store)?;
            last = Some(
                (message.with(header::NATS_BATCH_ID, id))
                    .with(header::NATS_BATCH_SEQUENCE, count.to_string()),
            );
        }
        let Some(last) = last else {
            return Ok(0);
        };
        let last = last.with(header::NATS_BATCH_COMMIT, header::NATS_BATCH_COMMIT_FINAL);
        let mut publishing = self.publishing();
        publishing.send(last).await;
        let (_, mut answers) = publishing.round().await;
        match answers.pop() {
            Some(Ok(ack)) => Ok(ack.sequence),
            Some(Err(refusal)) => Err(refusal),
            None => Err(Refusal::Conflict),
        }
    }
}

/// Messages on their way. Each is sent when it is given, so that the server works while the next one is made.
pub(super) struct Publishing<'a> {
    api: &'a Api,
    until: Instant,
    connects: u64,
    messages: Vec<Outgoing>,
    sent: Vec<Result<PublishAckFuture, Refusal>>,
}

impl Publishing<'_> {
    /// Sends a message.
    pub(super) async fn send(&mut self, message: Outgoing) {
        let context = &self.api.context;
        let sending = context.send_publish(message.subject.clone(), message.to_publish());
        self.sent
            .push(match tokio::time::timeout_at(self.until, sending).await {
                Ok(Ok(sent)) => Ok(sent),
                Ok(Err(error)) => Err(unpublished(error)),
                Err(late) => Err(Refusal::Unheard(unanswered(late))),
            });
        self.messages.push(message);
    }

    /// What became of the messages, in their order. Those that nobody answered are sent again, within bounds.
    pub(super) async fn answers(self) -> Vec<Result<PublishAck, Refusal>> {
        let api = self.api;
        let give_up_at = self.until - ANSWER_WAIT + PATIENCE;
        let (messages, mut answers) = self.round().await;
        loop {
            let unheard: Vec<usize> = (answers.iter().enumerate())
                .filter(|(_, answer)| matches!(answer, Err(Refusal::Unheard(_))))
                .map(|(place, _)| place)
                .collect();
            if unheard.is_empty() || Instant::now() + TRY_AGAIN > give_up_at {
                return answers;
            }
            tokio::time::sleep(TRY_AGAIN).await;
            let mut again = api.publishing();
            for &place in &unheard {
                again.send(messages[place].clone()).await;
            }
            let (_, heard) = again.round().await;
            for (place, answer) in unheard.into_iter().zip(heard) {
                answers[place] = answer;
            }
        }
    }

    /// The answers to what was sent, and the messages.
    async fn round(self) -> (Vec<Outgoing>, Vec<Result<PublishAck, Refusal>>) {
        let mut answers = Vec::with_capacity(self.sent.len());
        for sent in self.sent {
            answers.push(match sent {
                Err(refusal) => Err(refusal),
                Ok(sent) => match self.api.heard(sent, self.until, self.connects).await {
                    Ok(Ok(ack)) => Ok(ack),
                    Ok(Err(error)) => Err(unpublished(error)),
                    Err(late) => Err(Refusal::Unheard(unanswered(late))),
                },
            });
        }
        (self.messages, answers)
    }
}
