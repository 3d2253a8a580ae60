//! Storing messages: one, many at once, or a batch whole or not at all; bounded in time, and repeated where nobody answered.

use std::time::Duration;

use async_nats::header;
use tokio::time::Instant;

use super::acks::{Ack, Awaited};
use super::api::{ANSWER_WAIT, Api, PATIENCE, TRY_AGAIN};
use super::outgoing::Outgoing;
use super::refusal::{Refusal, unanswered, unheard, unsent};
use crate::backend::BackendError;

impl Api {
    /// Stores a message; repeated while nobody answers, so it must be safe to send twice.
    pub(super) async fn publish(&self, message: Outgoing) -> Ack {
        let mut answers = self.publish_all([message]).await;
        answers.pop().unwrap_or_else(|| Err(Refusal::Conflict))
    }

    /// Stores messages, all on their way at once; the answers are in their order.
    pub(super) async fn publish_all(
        &self,
        messages: impl IntoIterator<Item = Outgoing>,
    ) -> Vec<Ack> {
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
            awaited: self.acks.group(),
        }
    }

    /// How many connections were made so far.
    fn connects(&self) -> u64 {
        let statistics = self.client.statistics();
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
        let inbox = self.client.new_inbox();
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
                let sent = self
                    .client
                    .publish_with_headers(subject, headers, payload)
                    .await;
                sent.map_err(unsent)?;
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
        answers.pop().unwrap_or_else(|| Err(unheard()))
    }
}

/// Messages on their way. Each is sent when it is given, so that the server works while the next one is made.
pub(super) struct Publishing<'a> {
    api: &'a Api,
    until: Instant,
    connects: u64,
    messages: Vec<Outgoing>,
    awaited: Awaited<'a>,
}

impl Publishing<'_> {
    /// Sends a message.
    pub(super) async fn send(&mut self, message: Outgoing) {
        if let Some(reply) = self.awaited.reply_to(self.until).await {
            let sending = self.api.client.publish_with_reply_and_headers(
                message.subject.clone(),
                reply,
                message.header_map(),
                message.payload.clone(),
            );
            match tokio::time::timeout_at(self.until, sending).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => self.awaited.unsent(unsent(error)),
                Err(late) => self.awaited.unsent(Refusal::Unheard(unanswered(late))),
            }
        }
        self.messages.push(message);
    }

    /// What became of the messages, in their order. Those that nobody answered are sent again, within bounds.
    pub(super) async fn answers(self) -> Vec<Ack> {
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

    /// The messages, and what was answered to each in time.
    async fn round(mut self) -> (Vec<Outgoing>, Vec<Ack>) {
        self.wait().await;
        let answers = self.awaited.answers().into_iter();
        let answers = answers.map(|answer| answer.unwrap_or_else(|| Err(unheard())));
        (self.messages, answers.collect())
    }

    /// Waits for the answers, but not for those that were on their way on a connection that is gone: they never come, and to
    /// wait their whole time would keep a worker idle for as long after each lost line.
    async fn wait(&mut self) {
        /// How late a new connection is noticed.
        const LOOK: Duration = Duration::from_millis(50);
        while self.api.connects() == self.connects && Instant::now() < self.until {
            let look = self.until.min(Instant::now() + LOOK);
            let all = tokio::time::timeout_at(look, self.awaited.all()).await;
            if all.is_ok() {
                return;
            }
        }
    }
}
