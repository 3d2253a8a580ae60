//! From what the client and the server say to [`BackendError`].

use std::error::Error;

use async_nats::{client, jetstream};

use super::error::kind_of;
use crate::backend::{BackendError, BackendErrorKind};

/// Why a publish was not stored.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The subject holds another message than the one expected.
    Conflict,
    /// The batch repeats a message id that the stream knows.
    Repeated,
    /// It may be stored or not, and trying again is safe.
    Unheard(BackendError),
    /// It is not stored.
    Store(BackendError),
}

impl From<Refusal> for BackendError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Conflict | Refusal::Repeated => BackendError::new(
                BackendErrorKind::Io,
                "another process changed the job at the same time",
            ),
            Refusal::Unheard(error) | Refusal::Store(error) => error,
        }
    }
}

/// The server's codes (`nats-server/server/errors.json`) that callers branch on.
mod code {
    /// Storage or account resources are used up.
    pub(super) const RESOURCES: [u64; 4] = [10002, 10023, 10047, 10077];
    pub(super) const WRONG_LAST_SEQUENCE: [u64; 2] = [10071, 10164];
    pub(super) const BATCH_REPEATS_ID: u64 = 10201;
    pub(super) const MESSAGE_TOO_LARGE: u64 = 10054;
    /// The stream has more to store than it keeps waiting (`max_buffered_msgs`).
    pub(super) const TOO_MANY_AT_ONCE: u64 = 10167;
}

/// What an error of the server's JetStream API means.
pub(super) fn refused(error: jetstream::Error) -> Refusal {
    let number = error.error_code().0;
    if code::WRONG_LAST_SEQUENCE.contains(&number) {
        return Refusal::Conflict;
    }
    if number == code::BATCH_REPEATS_ID {
        return Refusal::Repeated;
    }
    if code::RESOURCES.contains(&number) {
        let text = "the server has no room for the job; it is refused until there is";
        return Refusal::Store(BackendError::new(BackendErrorKind::Full, text).caused_by(error));
    }
    if number == code::MESSAGE_TOO_LARGE {
        let text = "the job is larger than the stream takes: raise its max_msg_size";
        return Refusal::Store(
            BackendError::new(BackendErrorKind::PayloadTooLarge, text).caused_by(error),
        );
    }
    // No leader, a leader that steps down, a restart, a slow disk: they pass.
    let passes = error.code() == 503 || number == code::TOO_MANY_AT_ONCE;
    let failure =
        BackendError::new(kind_of(error.error_code()), "the server refused").caused_by(error);
    if passes {
        Refusal::Unheard(failure)
    } else {
        Refusal::Store(failure)
    }
}

/// A message that the client did not send.
pub(super) fn unsent(error: client::PublishError) -> Refusal {
    match error.kind() {
        client::PublishErrorKind::MaxPayloadExceeded => Refusal::Store(
            BackendError::new(
                BackendErrorKind::PayloadTooLarge,
                "the job is larger than the server takes: raise its max_payload",
            )
            .caused_by(error),
        ),
        client::PublishErrorKind::Send => Refusal::Unheard(unanswered(error)),
        client::PublishErrorKind::InvalidSubject => Refusal::Store(
            BackendError::new(BackendErrorKind::Io, "a message could not be published")
                .caused_by(error),
        ),
    }
}

/// A message that nobody acknowledged.
pub(super) fn unheard() -> Refusal {
    Refusal::Unheard(BackendError::new(
        BackendErrorKind::Unreachable,
        "the server does not answer",
    ))
}

/// An acknowledgement that is none.
pub(super) fn unreadable_answer() -> Refusal {
    Refusal::Store(BackendError::new(
        BackendErrorKind::Io,
        "the server answered a message with what is no acknowledgement",
    ))
}

/// A question that got no answer.
pub(super) fn unanswered(error: impl Error + Send + Sync + 'static) -> BackendError {
    BackendError::new(BackendErrorKind::Unreachable, "the server does not answer").caused_by(error)
}

pub(super) fn closed() -> BackendError {
    BackendError::new(BackendErrorKind::Closed, "the store is closed")
}
