//! Requests to JetStream's API, with one translation of everything that can come back instead of an answer.

use async_nats::jetstream::account::Account;
use async_nats::jetstream::context::RequestErrorKind;
use async_nats::jetstream::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::connection::Connection;
use super::error::{refused, unanswered};
use crate::backend::{BackendError, BackendErrorKind};

/// The empty request: `{}`. The server takes no `null` for it.
#[derive(Serialize)]
pub(super) struct Nothing {}

impl Connection {
    /// Asks the API under `subject`, which is given without its prefix: `STREAM.INFO.SMS`.
    ///
    /// A refused permission is answered at once: the server tells it beside the connection, and the request itself would
    /// only time out.
    pub(super) async fn ask<T, V>(&self, subject: &str, payload: &T) -> Result<V, BackendError>
    where
        T: Serialize + Sync + ?Sized,
        V: DeserializeOwned,
    {
        let mut denied = self.denied();
        denied.mark_unchanged();
        let denial = async {
            loop {
                if denied.changed().await.is_err() {
                    return std::future::pending().await;
                }
                let text = denied.borrow_and_update().clone();
                if text.is_some_and(|text| text.contains(subject)) {
                    return;
                }
            }
        };
        let response = tokio::select! {
            response = self.context.request::<_, T, Response<V>>(subject.to_owned(), payload) => response,
            () = denial => return Err(forbidden(subject)),
        };
        match response {
            Ok(Response::Ok(value)) => Ok(value),
            Ok(Response::Err { error }) => Err(refused(subject, &error)),
            Err(error) => Err(match error.kind() {
                RequestErrorKind::TimedOut => unanswered(subject),
                RequestErrorKind::NoResponders => self.nobody(subject),
                RequestErrorKind::InvalidSubject | RequestErrorKind::Other => BackendError::new(
                    BackendErrorKind::Io,
                    format!("{subject}: the request failed"),
                )
                .caused_by(error),
            }),
        }
    }

    /// What the account uses and may use of JetStream; an error when it may not use it at all.
    pub(super) async fn account(&self) -> Result<Account, BackendError> {
        self.ask("INFO", &Nothing {}).await
    }

    /// Nobody listens: there is no JetStream, or no leader at the moment.
    fn nobody(&self, subject: &str) -> BackendError {
        let info = self.client.server_info();
        if info.jetstream || info.cluster.is_some() {
            return unanswered(subject);
        }
        BackendError::new(
            BackendErrorKind::Misconfigured,
            "the NATS server runs without JetStream: start it with `--jetstream`, or a block `jetstream` in its settings",
        )
    }
}

/// A permission is missing. The subject is one of the API's, which holds names of streams and consumers only.
pub(super) fn forbidden(subject: &str) -> BackendError {
    BackendError::new(
        BackendErrorKind::Unauthorized,
        format!(
            "the NATS user may not use `$JS.API.{subject}`: grant it, see the permissions in `docs/nats.md`"
        ),
    )
}
