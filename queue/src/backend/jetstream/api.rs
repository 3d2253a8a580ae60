//! [`Api`]: the few things asked of the server, each bounded in time and repeated where that is safe. What is stored there is
//! in [`publish`](super::publish).

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::RawMessage;
use async_nats::jetstream::{Context, consumer};
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::acks::Acks;
use super::refusal::{refused, unanswered};
use crate::backend::{BackendError, BackendErrorKind};

/// How long an answer may take before the question is asked again.
pub(super) const ANSWER_WAIT: Duration = Duration::from_secs(2);
/// How long a call goes on asking: a leader's election takes about five seconds (measured, 3 nodes), a restart about one.
pub(super) const PATIENCE: Duration = Duration::from_secs(12);
/// The pause between two tries.
pub(super) const TRY_AGAIN: Duration = Duration::from_millis(100);
/// How many subjects one page of a listing may hold; the server's own bound.
const SUBJECTS_PAGE: usize = 100_000;

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
    pub(super) client: Client,
    pub(super) acks: Arc<Acks>,
    /// What the subjects of the server's own calls begin with.
    prefix: Arc<str>,
}

impl Api {
    /// The API of an account, or of a JetStream domain.
    pub(super) fn new(context: Context, acks: Arc<Acks>, domain: Option<&str>) -> Self {
        let prefix = match domain {
            Some(domain) => format!("$JS.{domain}.API"),
            None => "$JS.API".to_owned(),
        };
        Self {
            client: context.client(),
            context,
            acks,
            prefix: prefix.into(),
        }
    }

    /// The last message of a subject, asked of the stream's leader: what decides must not be an old copy.
    pub(super) async fn last(
        &self,
        stream: &str,
        subject: &str,
    ) -> Result<Option<Stored>, BackendError> {
        self.get(stream, json!({ "last_by_subj": subject })).await
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
        self.get(stream, json!({ "seq": sequence })).await
    }

    /// The first message behind a place of a stream whose subject matches.
    pub(super) async fn next(
        &self,
        stream: &str,
        sequence: u64,
        subject: &str,
    ) -> Result<Option<Stored>, BackendError> {
        let wanted = json!({ "seq": sequence, "next_by_subj": subject });
        self.get(stream, wanted).await
    }

    /// Asks for one message. Not with the client's own calls: they write requests and answers to the log at level debug, and
    /// an answer holds a job's payload, base64 or not.
    async fn get(
        &self,
        stream: &str,
        wanted: serde_json::Value,
    ) -> Result<Option<Stored>, BackendError> {
        #[derive(Deserialize)]
        struct Found {
            message: RawMessage,
        }
        let subject = format!("{}.STREAM.MSG.GET.{stream}", self.prefix);
        let body = Bytes::from(wanted.to_string());
        patiently(|| async {
            let answer = self.client.request(subject.clone(), body.clone()).await;
            let answer = answer.map_err(unanswered)?;
            // Its error would quote what it could not read.
            let found = serde_json::from_slice(&answer.payload).map_err(|_| unreadable(stream))?;
            match found {
                Response::Ok(Found { message }) => {
                    let message = StreamMessage::try_from(message);
                    Ok(Some(message.map_err(|_| unreadable(stream))?.into()))
                }
                Response::Err { error } if error.error_code() == ErrorCode::NO_MESSAGE_FOUND => {
                    Ok(None)
                }
                Response::Err { error } => Err(refused(error).into()),
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

fn unreadable(stream: &str) -> BackendError {
    BackendError::new(
        BackendErrorKind::Corrupt,
        format!("a message of stream {stream} can't be read"),
    )
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
