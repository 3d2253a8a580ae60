//! [`Acks`]: the acknowledgements of all publishes of a connection, heard on one subscription. The client's own way makes for
//! each message a random name, a channel, two timers and an answer that is parsed twice, which is most of what a publish
//! costs; here messages that are waited for together share one wake-up.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use async_nats::jetstream;
use async_nats::{Client, Message, StatusCode, Subscriber};
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::refusal::{Refusal, refused, unanswered, unheard, unreadable_answer};
use crate::backend::BackendError;

/// How many publishes may wait for their acknowledgement at once; further ones wait their turn. Less than what the client
/// keeps of a subscription that is not read (65,536): what it drops would be waited for in vain.
const IN_FLIGHT_MAX: usize = 16 * 1024;
/// How many acknowledgements are looked at in one go.
const AT_ONCE_MAX: usize = 64;

/// The place of a message in its stream, or why it is not there.
pub(super) type Ack = Result<u64, Refusal>;

/// Hears acknowledgements for as long as it lives.
pub(super) struct Acks {
    inbox: String,
    groups: AtomicU64,
    waiting: Arc<Waiting>,
    listener: AbortHandle,
}

impl Acks {
    /// Begins to hear.
    pub(super) async fn subscribe(client: &Client) -> Result<Self, BackendError> {
        let inbox = client.new_inbox();
        let heard = client.subscribe(format!("{inbox}.>")).await;
        let waiting = Arc::new(Waiting {
            groups: Mutex::default(),
            room: Semaphore::new(IN_FLIGHT_MAX),
        });
        let prefix = format!("{inbox}.");
        let listener = tokio::spawn(listen(heard.map_err(unanswered)?, prefix, waiting.clone()));
        Ok(Self {
            inbox,
            groups: AtomicU64::new(0),
            waiting,
            listener: listener.abort_handle(),
        })
    }

    /// Messages that will be waited for together.
    pub(super) fn group(&self) -> Awaited<'_> {
        Awaited {
            acks: self,
            number: self.groups.fetch_add(1, Ordering::Relaxed),
            count: 0,
        }
    }
}

impl Drop for Acks {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// Messages on their way. Who drops it does not want to know any more.
pub(super) struct Awaited<'a> {
    acks: &'a Acks,
    number: u64,
    count: usize,
}

impl Awaited<'_> {
    /// Where the next message is to be acknowledged. Waits while too many are on their way, but not for long: when a line
    /// breaks, what they wait for never comes. `None` when this message is not to be sent: its answer is that it was not heard.
    pub(super) async fn reply_to(&mut self, until: Instant) -> Option<String> {
        let room = tokio::time::timeout_at(until, self.acks.waiting.room.acquire()).await;
        // It comes back with the acknowledgement.
        let is_free = room.is_ok_and(|permit| permit.map(SemaphorePermit::forget).is_ok());
        let place = self.count;
        self.count += 1;
        let mut groups = self.acks.waiting.lock();
        let group = groups.entry(self.number).or_default();
        if !is_free {
            group.answers.push(Some(Err(unheard())));
            return None;
        }
        group.answers.push(None);
        group.missing += 1;
        drop(groups);
        let (number, place) = (self.number.to_string(), place.to_string());
        Some([&self.acks.inbox, ".", &number, ".", &place].concat())
    }

    /// The last message could not be sent.
    pub(super) fn unsent(&mut self, refusal: Refusal) {
        let place = self.count.saturating_sub(1);
        self.acks
            .waiting
            .answer([(self.number, place, Err(refusal))]);
    }

    /// Waits until every message is answered.
    ///
    /// # Cancel safety
    /// It can be waited for again.
    pub(super) async fn all(&mut self) {
        poll_fn(|context| {
            let mut groups = self.acks.waiting.lock();
            match groups.get_mut(&self.number) {
                Some(group) if group.missing > 0 => {
                    group.waker = Some(context.waker().clone());
                    Poll::Pending
                }
                Some(_) | None => Poll::Ready(()),
            }
        })
        .await;
    }

    /// What was answered so far, in the messages' order.
    pub(super) fn answers(self) -> Vec<Option<Ack>> {
        self.acks.waiting.end(self.number)
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        if self.count > 0 {
            self.acks.waiting.end(self.number);
        }
    }
}

/// What is waited for.
struct Waiting {
    groups: Mutex<HashMap<u64, Group>>,
    room: Semaphore,
}

#[derive(Default)]
struct Group {
    answers: Vec<Option<Ack>>,
    missing: usize,
    waker: Option<Waker>,
}

impl Waiting {
    /// Answers come in; those that nobody waits for any more are nobody's.
    fn answer(&self, answers: impl IntoIterator<Item = (u64, usize, Ack)>) {
        let (mut count, mut woken) = (0, Vec::new());
        let mut groups = self.lock();
        for (number, place, ack) in answers {
            let Some(group) = groups.get_mut(&number) else {
                continue;
            };
            if let Some(answer @ None) = group.answers.get_mut(place) {
                *answer = Some(ack);
                count += 1;
                group.missing -= 1;
                if group.missing == 0 {
                    woken.extend(group.waker.take());
                }
            }
        }
        // Who wakes may look for its answers at once.
        drop(groups);
        self.room.add_permits(count);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Nobody waits for a group any more.
    fn end(&self, number: u64) -> Vec<Option<Ack>> {
        let group = self.lock().remove(&number).unwrap_or_default();
        self.room.add_permits(group.missing);
        group.answers
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Group>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears until the client is closed for good.
async fn listen(heard: Subscriber, prefix: String, waiting: Arc<Waiting>) {
    let mut heard = heard.ready_chunks(AT_ONCE_MAX);
    while let Some(messages) = heard.next().await {
        let answers = messages.iter().filter_map(|message| {
            let rest = message.subject.strip_prefix(prefix.as_str())?;
            let (group, place) = rest.split_once('.')?;
            Some((group.parse().ok()?, place.parse().ok()?, read(message)))
        });
        waiting.answer(answers.collect::<Vec<_>>());
    }
}

/// What the server says of a message.
fn read(message: &Message) -> Ack {
    #[derive(Deserialize)]
    struct Answer {
        seq: Option<u64>,
        error: Option<jetstream::Error>,
    }
    // During an election nobody answers for the stream, which passes.
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        return Err(unheard());
    }
    match serde_json::from_slice(&message.payload) {
        Ok(Answer {
            error: Some(error), ..
        }) => Err(refused(error)),
        Ok(Answer {
            seq: Some(sequence),
            ..
        }) => Ok(sequence),
        Ok(_) | Err(_) => Err(unreadable_answer()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> Waiting {
        let waiting = Waiting {
            groups: Mutex::default(),
            room: Semaphore::new(0),
        };
        for number in [1, 2] {
            let group = Group {
                answers: vec![None, None],
                missing: 2,
                waker: None,
            };
            waiting.lock().insert(number, group);
        }
        waiting
    }

    #[test]
    fn an_answer_is_its_messages_own_and_the_first_one_counts() {
        let waiting = waiting();
        waiting.answer([(1, 1, Ok(7)), (1, 1, Ok(8)), (2, 0, Err(unheard()))]);
        waiting.answer([(1, 2, Ok(9)), (3, 0, Ok(9))]);
        assert_eq!(waiting.room.available_permits(), 2);
        let [None, Some(Ok(7))] = waiting.end(1)[..] else {
            panic!("the second message's place is 7");
        };
        assert!(matches!(waiting.end(2)[..], [Some(Err(_)), None]));
    }

    #[test]
    fn room_comes_back_once_for_each_message() {
        let waiting = waiting();
        waiting.answer([(1, 0, Ok(1)), (1, 0, Ok(1))]);
        waiting.end(1);
        assert_eq!(waiting.room.available_permits(), 2);
        // Late, and of a group that is over.
        waiting.answer([(1, 1, Ok(2))]);
        waiting.end(1);
        assert_eq!(waiting.room.available_permits(), 2);
    }

    #[test]
    fn answers_are_read_as_the_server_writes_them() {
        let read = |payload: &'static str, status: Option<u16>| {
            read(&Message {
                subject: "a".into(),
                reply: None,
                payload: payload.into(),
                headers: None,
                status: status.and_then(|status| StatusCode::from_u16(status).ok()),
                description: None,
                length: 0,
            })
        };
        assert!(matches!(read(r#"{"stream":"SMS","seq":7}"#, None), Ok(7)));
        let duplicate = r#"{"stream":"SMS","domain":"hub","seq":7,"duplicate":true}"#;
        assert!(matches!(read(duplicate, None), Ok(7)));
        let conflict = r#"{"type":"io.nats.jetstream.api.v1.pub_ack_response","error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"},"stream":"SMS","seq":0}"#;
        assert!(matches!(read(conflict, None), Err(Refusal::Conflict)));
        assert!(matches!(read("", Some(503)), Err(Refusal::Unheard(_))));
        let busy = r#"{"error":{"code":429,"err_code":10167,"description":"too many requests"},"stream":"SMS","seq":0}"#;
        assert!(matches!(read(busy, None), Err(Refusal::Unheard(_))));
        for strange in ["", "{}", "[]", "+OK"] {
            assert!(matches!(read(strange, None), Err(Refusal::Store(_))));
        }
    }
}
