//! Storing messages: one, many at once, or a batch whole or not at all; bounded in time, and repeated where nobody answered.

use std::time::Duration;

use async_nats::header;
use async_nats::jetstream::context::{PublishAckFuture, PublishError};
use async_nats::jetstream::publish::PublishAck;
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use super::api::{ANSWER_WAIT, Api, PATIENCE, TRY_AGAIN};
use super::outgoing::Outgoing;
use super::refusal::{Refusal, unanswered, unpublished};

impl Api {
    /// Stores a message; repeated while nobody answers, so it must be safe to send twice.
    pub(super) async fn publish(&self, message: Outgoing) -> Result<PublishAck, Refusal> {
        let mut answers = self.publish_all(std::slice::from_ref(&message)).await;
        answers.pop().unwrap_or_else(|| Err(Refusal::Conflict))
    }

    /// Stores messages, all on their way at once; the answers are in their order.
    pub(super) async fn publish_all(
        &self,
        messages: &[Outgoing],
    ) -> Vec<Result<PublishAck, Refusal>> {
        let give_up_at = Instant::now() + PATIENCE;
        let mut answers = self.publish_round(messages).await;
        loop {
            let unheard: Vec<usize> = (answers.iter().enumerate())
                .filter(|(_, answer)| matches!(answer, Err(Refusal::Unheard(_))))
                .map(|(place, _)| place)
                .collect();
            if unheard.is_empty() || Instant::now() + TRY_AGAIN > give_up_at {
                return answers;
            }
            tokio::time::sleep(TRY_AGAIN).await;
            let again: Vec<Outgoing> = unheard
                .iter()
                .map(|&place| messages[place].clone())
                .collect();
            for (place, answer) in unheard.into_iter().zip(self.publish_round(&again).await) {
                answers[place] = answer;
            }
        }
    }

    async fn publish_round(&self, messages: &[Outgoing]) -> Vec<Result<PublishAck, Refusal>> {
        let until = Instant::now() + ANSWER_WAIT;
        let connects = self.connects();
        let mut sent: Vec<Result<PublishAckFuture, Refusal>> = Vec::with_capacity(messages.len());
        for message in messages {
            let sending =
                (self.context).send_publish(message.subject.clone(), message.to_publish());
            sent.push(match tokio::time::timeout_at(until, sending).await {
                Ok(Ok(sent)) => Ok(sent),
                Ok(Err(error)) => Err(unpublished(error)),
                Err(late) => Err(Refusal::Unheard(unanswered(late))),
            });
        }
        let mut answers = Vec::with_capacity(sent.len());
        for sent in sent {
            answers.push(match sent {
                Err(refusal) => Err(refusal),
                Ok(acknowledgement) => match self.heard(acknowledgement, until, connects).await {
                    Ok(Ok(ack)) => Ok(ack),
                    Ok(Err(error)) => Err(unpublished(error)),
                    Err(late) => Err(Refusal::Unheard(unanswered(late))),
                },
            });
        }
        answers
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

    /// Stores messages of one stream whole or not at all (ADR-50). Answers the sequence of the last one.
    pub(super) async fn publish_batch(&self, messages: &[Outgoing]) -> Result<u64, Refusal> {
        let inbox = self.context.client().new_inbox();
        // The server takes at most 64 characters; what is unique in an inbox is its end.
        let id = inbox
            .get(inbox.len().saturating_sub(22)..)
            .unwrap_or_default();
        let Some((last, others)) = messages.split_last() else {
            return Ok(0);
        };
        for (place, message) in others.iter().enumerate() {
            let mut headers = message.header_map();
            headers.insert(header::NATS_BATCH_ID, id);
            headers.insert(header::NATS_BATCH_SEQUENCE, (place + 1).to_string());
            self.context
                .client()
                .publish_with_headers(message.subject.clone(), headers, message.payload.clone())
                .await
                .map_err(|error| Refusal::Unheard(unanswered(error)))?;
        }
        let last = (last.clone())
            .with(header::NATS_BATCH_ID, id)
            .with(header::NATS_BATCH_SEQUENCE, messages.len().to_string())
            .with(header::NATS_BATCH_COMMIT, header::NATS_BATCH_COMMIT_FINAL);
        let mut answers = self.publish_round(&[last]).await;
        match answers.pop() {
            Some(Ok(ack)) => Ok(ack.sequence),
            Some(Err(refusal)) => Err(refusal),
            None => Err(Refusal::Conflict),
        }
    }
}
