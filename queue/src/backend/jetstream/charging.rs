//! [`Charging`]: charges and refunds of one process, written together.
//!
//! A cap of all messages is one counter that every send adds to. Each write of it is on condition that nobody wrote it
//! since it was read; if each charge were written alone, all but one of those who charge at once would have to begin anew,
//! again and again (measured: 4 charges a second with 32 at once). So what waits while a write is on its way is the next
//! write, as in the other engine. Between processes the condition decides.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::charges::{Entry, Place, Tab, Token, token_subject};
use super::records::STREAM;
use super::refusal::Refusal;
use super::shared::Shared;
use crate::backend::{
    BackendError, BackendErrorKind, CHARGE_LINES_MAX, Charge, Charged, RecordKey,
};

/// How often a group is tried anew because another process was first. Each time one of them got through.
const CONFLICTS_MAX: u32 = 400;
/// How often, when nobody answered whether it was stored.
const UNHEARD_MAX: u32 = 10;
/// The longest pause before either.
const PAUSE_MAX: Duration = Duration::from_millis(20);
/// Most charges in one write: with all their lines well below the 1000 messages that a server takes in a batch (ADR-50).
const GROUP_MAX: usize = 32;

/// What is to be done to counters.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Charge(Charge),
    Refund(RecordKey),
}

impl Op {
    pub(super) fn token(&self) -> &RecordKey {
        match self {
            Self::Charge(charge) => &charge.token,
            Self::Refund(token) => token,
        }
    }
}

/// What became of an [`Op`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Charged(Charged),
    Refunded(bool),
}

type Answer = oneshot::Sender<Result<Done, BackendError>>;

/// What waits to be written, and whose turn it is to write.
#[derive(Default)]
pub(super) struct Charging {
    waiting: Mutex<VecDeque<(Op, Answer)>>,
    turn: tokio::sync::Mutex<()>,
}

impl Charging {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(Op, Answer)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds all lines to their counters, or none.
pub(super) async fn charge(shared: &Arc<Shared>, charge: Charge) -> Result<Charged, BackendError> {
    if charge.lines.len() > CHARGE_LINES_MAX {
        return Err(BackendError::new(
            BackendErrorKind::RecordTooLarge,
            format!(
                "{} lines in one charge, at most {CHARGE_LINES_MAX} are allowed",
                charge.lines.len()
            ),
        ));
    }
    match perform(shared, Op::Charge(charge)).await? {
        Done::Charged(charged) => Ok(charged),
        Done::Refunded(_) => Err(interrupted()),
    }
}

/// Takes a charge back from its counters, as far as they are still kept, and forgets its token.
pub(super) async fn refund(shared: &Arc<Shared>, token: RecordKey) -> Result<bool, BackendError> {
    match perform(shared, Op::Refund(token)).await? {
        Done::Refunded(was_known) => Ok(was_known),
        Done::Charged(_) => Err(interrupted()),
    }
}

async fn perform(shared: &Arc<Shared>, op: Op) -> Result<Done, BackendError> {
    shared.record_stream.prepare(shared).await?;
    let (answer, heard) = oneshot::channel();
    shared.charging.lock().push_back((op, answer));
    // A task of its own: who asked may go away in the middle, and the others of the group may not.
    let shared = shared.clone();
    tokio::spawn(async move {
        let _turn = shared.charging.turn.lock().await;
        let group: Vec<_> = {
            let mut waiting = shared.charging.lock();
            let count = waiting.len().min(GROUP_MAX);
            waiting.drain(..count).collect()
        };
        // Nothing, when somebody before took it along.
        if !group.is_empty() {
            write(&shared, group).await;
        }
    });
    heard.await.unwrap_or_else(|_| Err(interrupted()))
}

fn interrupted() -> BackendError {
    BackendError::new(BackendErrorKind::Io, "a charge was interrupted")
}

/// Writes a group and answers everybody in it.
async fn write(shared: &Shared, group: Vec<(Op, Answer)>) {
    let (ops, answers): (Vec<Op>, Vec<Answer>) = group.into_iter().unzip();
    match try_write(shared, &ops).await {
        Ok(done) => {
            for (answer, done) in answers.into_iter().zip(done) {
                // Nobody waits for it any more.
                let _ = answer.send(Ok(done));
            }
        }
        Err(error) => {
            let kind = error.kind();
            let mut first = Some(error);
            for answer in answers {
                let error = first.take().unwrap_or_else(|| {
                    BackendError::new(kind, "the write that this charge was part of failed")
                });
                let _ = answer.send(Err(error));
            }
        }
    }
}

async fn try_write(shared: &Shared, ops: &[Op]) -> Result<Vec<Done>, BackendError> {
    let (mut conflicts, mut unheard) = (0, 0);
    loop {
        let mut tab = read(shared, ops).await?;
        let done: Vec<Done> = ops.iter().map(|op| tab.apply(op)).collect();
        let messages = tab.messages()?;
        let stored = match messages.as_slice() {
            [] => return Ok(done),
            [message] => shared.api.publish(message.clone()).await.map(drop),
            _ => (shared.api)
                .publish_batch(messages.into_iter().map(Ok))
                .await
                .map(drop),
        };
        match stored {
            Ok(()) => return Ok(done),
            Err(Refusal::Conflict) => conflicts += 1,
            // Stored or not: the tokens tell, if they are as this write leaves them.
            Err(Refusal::Unheard(error)) => {
                unheard += 1;
                if is_ours(shared, &tab).await? {
                    return Ok(done);
                }
                if unheard > UNHEARD_MAX {
                    return Err(error);
                }
            }
            Err(refusal) => return Err(refusal.into()),
        }
        if conflicts >= CONFLICTS_MAX {
            return Err(Refusal::Conflict.into());
        }
        pause(conflicts + unheard).await;
    }
}

/// All that `ops` may change, as it is now.
async fn read(shared: &Shared, ops: &[Op]) -> Result<Tab, BackendError> {
    let mut tab = Tab::new(shared.clock.now());
    let tokens = Entry::distinct(ops.iter().map(|op| token_subject(op.token())));
    let charged = Entry::distinct(ops.iter().flat_map(|op| match op {
        Op::Charge(charge) => Place::of_charge(charge),
        Op::Refund(_) => Vec::new(),
    }));
    let mut subjects = tokens.clone();
    subjects.extend(charged.iter().map(Place::subject));
    let mut found = shared.api.last_of_each(STREAM, &subjects).await?;
    let counters = found.split_off(tokens.len());
    for (subject, stored) in tokens.into_iter().zip(&found) {
        tab.put_token(subject, stored.as_ref());
    }
    for (place, stored) in charged.into_iter().zip(&counters) {
        tab.put_counter(place, stored.as_ref());
    }
    // What is taken back is known only now: from counters that a token names.
    let more = tab.places_of_refunds(ops);
    if !more.is_empty() {
        let subjects: Vec<String> = more.iter().map(Place::subject).collect();
        let found = shared.api.last_of_each(STREAM, &subjects).await?;
        for (place, stored) in more.into_iter().zip(&found) {
            tab.put_counter(place, stored.as_ref());
        }
    }
    Ok(tab)
}

async fn is_ours(shared: &Shared, tab: &Tab) -> Result<bool, BackendError> {
    let (subjects, tokens): (Vec<String>, Vec<&Token>) = (tab.changed_tokens())
        .map(|(subject, token)| (subject.to_owned(), token))
        .unzip();
    let stored = shared.api.last_of_each(STREAM, &subjects).await?;
    Ok(tokens
        .iter()
        .zip(&stored)
        .all(|(token, stored)| token.is_in(stored.as_ref())))
}

/// Processes that charge the same counter at once come back at different moments.
async fn pause(tried: u32) {
    let most = Duration::from_millis(u64::from(tried)).min(PAUSE_MAX);
    tokio::time::sleep(most.mul_f64(fastrand::f64())).await;
}
