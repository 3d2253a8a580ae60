//! [`Api`]: the few things asked of the server, each bounded in time and repeated where that is safe.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header;
use async_nats::jetstream::context::{PublishAckFuture, PublishError};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, RawMessageErrorKind};
use async_nats::jetstream::{Context, consumer};
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;
use tokio::time::error::Elapsed;

use super::refusal::{Refusal, refused, unanswered, unpublished};
use crate::backend::{BackendError, BackendErrorKind};

/// How long an answer may take before the question is asked again.
const ANSWER_WAIT: Duration = Duration::from_secs(2);
/// How long a call goes on asking: a leader's election takes about five seconds (measured, 3 nodes), a restart about one.
const PATIENCE: Duration = Duration::from_secs(12);
/// The pause between two tries.
const TRY_AGAIN: Duration = Duration::from_millis(100);
/// How many subjects one page of a listing may hold; the server's own bound.
const SUBJECTS_PAGE: usize = 100_000;

/// Names the subject that [`Outgoing::expect`] is about, when it is not the message's own (nats-server 2.12, ADR-50).
const EXPECTED_LAST_SUBJECT_SEQUENCE_SUBJECT: &str = "Nats-Expected-Last-Subject-Sequence-Subject";

/// A message to be stored.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) subject: String,
    pub(super) headers: HeaderMap,
    pub(super) payload: Vec<u8>,
}

impl Outgoing {
    pub(super) fn new(subject: String, payload: Vec<u8>) -> Self {
        Self {
            subject,
            headers: HeaderMap::new(),
            payload,
        }
    }

    /// Adds a header.
    pub(super) fn with(
        mut self,
        name: impl async_nats::header::IntoHeaderName,
        value: &str,
    ) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Stored once within the stream's duplicate window, however often it is sent.
    pub(super) fn id(self, id: &str) -> Self {
        self.with(header::NATS_MESSAGE_ID, id)
    }

    /// Only if the last message of the subject is this one; 0 when there must be none.
    pub(super) fn expect(self, sequence: u64) -> Self {
        self.with(
            header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
            &sequence.to_string(),
        )
    }

    /// Only if the last message of another subject of the stream is this one.
    pub(super) fn expect_of(self, subject: &str, sequence: u64) -> Self {
        self.expect(sequence)
            .with(EXPECTED_LAST_SUBJECT_SEQUENCE_SUBJECT, subject)
    }

    /// Deleted after `age`; the server counts whole seconds, from one.
    pub(super) fn ttl(self, age: Duration) -> Self {
        let seconds = age.as_millis().div_ceil(1000).max(1);
        self.with(header::NATS_MESSAGE_TTL, &seconds.to_string())
    }

    /// Kept whatever the stream's own age.
    pub(super) fn kept(self) -> Self {
        self.with(header::NATS_MESSAGE_TTL, "never")
    }
}

/// A message in a stream.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) sequence: u64,
    pub(super) headers: HeaderMap,
    pub(super) payload: Vec<u8>,
}

impl From<async_nats::jetstream::message::StreamMessage> for Stored {
    fn from(message: async_nats::jetstream::message::StreamMessage) -> Self {
        Self {
            sequence: message.sequence,
            headers: message.headers,
            payload: message.payload.to_vec(),
        }
    }
}

/// The JetStream API of one connection.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) context: Context,
}

impl Api {
    /// Stores a message; repeated while nobody answers, so it must be safe to send twice.
    pub(super) async fn publish(&self, message: Outgoing) -> Result<PublishAck, Refusal> {
        let mut answers = self.publish_all(vec![message]).await;
        answers.pop().unwrap_or_else(|| Err(Refusal::Conflict))
    }

    /// Stores messages, all on their way at once; the answers are in their order.
    pub(super) async fn publish_all(
        &self,
        messages: Vec<Outgoing>,
    ) -> Vec<Result<PublishAck, Refusal>> {
        let give_up_at = Instant::now() + PATIENCE;
        let mut answers = self.publish_round(&messages).await;
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
            let publish = PublishMessage::build()
                .payload(message.payload.clone().into())
                .headers(message.headers.clone());
            let sending = self.context.send_publish(message.subject.clone(), publish);
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
        let id = self.context.client().new_inbox();
        let last = messages.len();
        for (place, message) in messages.iter().enumerate() {
            let mut message = message
                .clone()
                .with(header::NATS_BATCH_ID, &id[id.len().saturating_sub(22)..])
                .with(header::NATS_BATCH_SEQUENCE, &(place + 1).to_string());
            if place + 1 == last {
                message = message.with(header::NATS_BATCH_COMMIT, header::NATS_BATCH_COMMIT_FINAL);
                let mut answers = self.publish_round(std::slice::from_ref(&message)).await;
                return match answers.pop() {
                    Some(Ok(ack)) => Ok(ack.sequence),
                    Some(Err(refusal)) => Err(refusal),
                    None => Err(Refusal::Conflict),
                };
            }
            self.context
                .client()
                .publish_with_headers(message.subject, message.headers, message.payload.into())
                .await
                .map_err(|error| Refusal::Unheard(unanswered(error)))?;
        }
        Ok(0)
    }

    /// The last message of a subject, asked of the stream's leader: what decides must not be an old copy.
    pub(super) async fn last(
        &self,
        stream: &str,
        subject: &str,
    ) -> Result<Option<Stored>, BackendError> {
        let stream = self.stream(stream).await?;
        patiently(|| async {
            match stream.get_last_raw_message_by_subject(subject).await {
                Ok(message) => Ok(Some(message.into())),
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
                Err(error) => Err(unanswered(error)),
            }
        })
        .await
    }

    /// The last messages of subjects, all asked at once; in their order.
    pub(super) async fn last_of_each(
        &self,
        stream: &str,
        subjects: &[String],
    ) -> Result<Vec<Option<Stored>>, BackendError> {
        join_all(subjects.iter().map(|subject| self.last(stream, subject)))
            .await
            .into_iter()
            .collect()
    }

    /// The message at a place of a stream.
    pub(super) async fn at(
        &self,
        stream: &str,
        sequence: u64,
    ) -> Result<Option<Stored>, BackendError> {
        let stream = self.stream(stream).await?;
        patiently(|| async {
            match stream.get_raw_message(sequence).await {
                Ok(message) => Ok(Some(message.into())),
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
                Err(error) => Err(unanswered(error)),
            }
        })
        .await
    }

    /// The first message behind a place of a stream whose subject matches.
    pub(super) async fn next(
        &self,
        stream: &str,
        sequence: u64,
        subject: &str,
    ) -> Result<Option<Stored>, BackendError> {
        let stream = self.stream(stream).await?;
        patiently(|| async {
            let request = stream.raw_message_builder().sequence(sequence);
            match request.next_by_subject(subject).send().await {
                Ok(message) => Ok(Some(message.into())),
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
                Err(error) => Err(unanswered(error)),
            }
        })
        .await
    }

    /// Deletes a message; false when it was gone.
    pub(super) async fn delete(&self, stream: &str, sequence: u64) -> Result<bool, BackendError> {
        #[derive(Deserialize)]
        struct Deleted {
            success: bool,
        }
        let subject = format!("STREAM.MSG.DELETE.{stream}");
        // The bytes need no overwriting: secrets are encrypted or wiped by the stream's own retention, and overwriting
        // costs a write of the whole block.
        let request = json!({ "seq": sequence, "no_erase": true });
        patiently(|| async {
            match self.context.request(subject.clone(), &request).await {
                Ok(Response::Ok(Deleted { success })) => Ok(success),
                // 10043: no such message; 10057: the delete failed because it is gone.
                Ok(Response::Err { error }) if matches!(error.error_code().0, 10043 | 10057) => {
                    Ok(false)
                }
                Ok(Response::Err { error }) => Err(refused(error).into()),
                Err(error) => Err(unanswered(error)),
            }
        })
        .await
    }

    /// Deletes the messages of the subjects that match; says how many.
    pub(super) async fn purge(&self, stream: &str, filter: &str) -> Result<u64, BackendError> {
        let stream = self.stream(stream).await?;
        patiently(|| async {
            let purge = stream.purge().filter(filter);
            let purged = tokio::time::timeout(ANSWER_WAIT, purge.into_future())
                .await
                .map_err(unanswered)?;
            purged.map(|purged| purged.purged).map_err(unanswered)
        })
        .await
    }

    /// The subjects of a stream that match. The cost grows with their number.
    pub(super) async fn subjects(
        &self,
        stream: &str,
        filter: &str,
    ) -> Result<Vec<String>, BackendError> {
        #[derive(Deserialize)]
        struct Info {
            state: State,
        }
        #[derive(Deserialize)]
        struct State {
            #[serde(default)]
            subjects: std::collections::HashMap<String, u64>,
        }
        let mut subjects = Vec::new();
        loop {
            let request = json!({ "subjects_filter": filter, "offset": subjects.len() });
            let subject = format!("STREAM.INFO.{stream}");
            let page = patiently(|| async {
                match self.context.request(subject.clone(), &request).await {
                    Ok(Response::Ok(Info { state })) => Ok(state.subjects),
                    Ok(Response::Err { error }) => Err(refused(error).into()),
                    Err(error) => Err(unanswered(error)),
                }
            })
            .await?;
            let more = page.len() >= SUBJECTS_PAGE;
            subjects.extend(page.into_keys());
            if !more {
                return Ok(subjects);
            }
        }
    }

    /// How many messages and bytes a stream holds.
    pub(super) async fn size(&self, stream: &str) -> Result<(u64, u64), BackendError> {
        let stream = self.stream(stream).await?;
        patiently(|| async {
            let info = stream.get_info().await.map_err(unanswered)?;
            Ok((info.state.messages, info.state.bytes))
        })
        .await
    }

    /// A consumer's own figures; `None` when there is no such consumer.
    pub(super) async fn consumer(
        &self,
        stream: &str,
        name: &str,
    ) -> Result<Option<consumer::Info>, BackendError> {
        let subject = format!("CONSUMER.INFO.{stream}.{name}");
        patiently(|| async {
            match self.context.request(subject.clone(), &json!({})).await {
                Ok(Response::Ok(info)) => Ok(Some(info)),
                Ok(Response::Err { error }) if error.error_code().0 == 10014 => Ok(None),
                Ok(Response::Err { error }) => Err(refused(error).into()),
                Err(error) => Err(unanswered(error)),
            }
        })
        .await
    }

    async fn stream(
        &self,
        name: &str,
    ) -> Result<async_nats::jetstream::stream::Stream<()>, BackendError> {
        self.context
            .get_stream_no_info(name)
            .await
            .map_err(unanswered)
    }
}

/// Asks again while there is no answer, within bounds.
async fn patiently<T, F, Fut>(ask: F) -> Result<T, BackendError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, BackendError>>,
{
    let give_up_at = Instant::now() + PATIENCE;
    loop {
        let error = match tokio::time::timeout(ANSWER_WAIT, ask()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(late) => unanswered(late),
        };
        let passes = matches!(
            error.kind(),
            BackendErrorKind::Io | BackendErrorKind::Unreachable
        );
        if !passes || Instant::now() + TRY_AGAIN > give_up_at {
            return Err(error);
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}
