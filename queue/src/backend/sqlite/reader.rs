//! The thread that reads beside the writer.

use std::sync::mpsc::{self, Sender};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::closed;
use super::no_thread;
use crate::backend::BackendError;

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// Answers questions one after the other. Each reads in a short transaction of its own, so the log can be folded away.
pub(super) struct Reader {
    questions: Sender<Question>,
}

impl Reader {
    pub(super) fn start(connection: Connection) -> Result<Self, BackendError> {
        let (questions, inbox) = mpsc::channel::<Question>();
        std::thread::Builder::new()
            .name("queue-reader".to_owned())
            .spawn(move || inbox.into_iter().for_each(|question| question(&connection)))
            .map_err(no_thread)?;
        Ok(Self { questions })
    }

    pub(super) async fn read<T, F>(&self, mut work: F) -> Result<T, BackendError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T, BackendError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let question: Question = Box::new(move |connection| {
            let _ = reply.send(work(connection));
        });
        self.questions.send(question).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}
