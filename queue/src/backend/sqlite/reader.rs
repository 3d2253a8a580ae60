//! The thread that reads beside the writer.

use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::{closed, no_thread};
use crate::backend::BackendError;

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// Answers questions one after the other. Each reads in a short transaction of its own, so the log can be folded away.
pub(super) struct Reader {
    /// `None` once it is stopped.
    questions: Mutex<Option<Sender<Question>>>,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Reader {
    pub(super) fn start(connection: Connection) -> Result<Self, BackendError> {
        let (questions, inbox) = mpsc::channel::<Question>();
        let (alive, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("queue-reader".to_owned())
            .spawn(move || {
                inbox.into_iter().for_each(|question| question(&connection));
                drop(connection);
                let _ = alive.send(());
            })
            .map_err(no_thread)?;
        Ok(Self {
            questions: Mutex::new(Some(questions)),
            ended: Mutex::new(Some(ended)),
        })
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
        let sender = self
            .questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        sender
            .ok_or_else(closed)?
            .send(question)
            .map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Answers what was asked, closes the connection, and refuses what comes later.
    pub(super) async fn stop(&self) {
        drop(
            self.questions
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let ended = self
            .ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(ended) = ended {
            let _ = ended.await;
        }
    }
}
