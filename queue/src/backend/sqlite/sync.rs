//! [`Sync`]: when a commit is durable, and who is told then.
//!
//! SQLite writes a commit to its log, and this library syncs the log itself: with `fdatasync`, which need not write the
//! file's times, and on a thread of its own while others wait, so that the next transaction is made meanwhile.

use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use super::error::{no_thread, poisoned};
use super::inbox::Request;
use super::shared::Shared;
use super::txn::Announcement;
use super::writer::Task;
use crate::backend::BackendError;

/// A transaction that is committed, and may not be durable yet.
pub(super) struct Committed {
    pub(super) tasks: Vec<Box<dyn Task>>,
    pub(super) announcement: Announcement,
    /// Its answers must wait for a sync.
    pub(super) is_dirty: bool,
}

/// Makes commits durable, in their order.
pub(super) enum Sync {
    /// In memory there is nothing to sync.
    None,
    Log(LogSync),
}

pub(super) struct LogSync {
    log: Arc<File>,
    /// `None` once it is stopped.
    groups: Option<Sender<Committed>>,
    thread: Option<JoinHandle<()>>,
    /// Transactions that are with the thread.
    pending: usize,
}

impl Sync {
    /// Syncs `log`; `requests` hears when transactions are durable.
    pub(super) fn of_log(
        log: File,
        shared: Arc<Shared>,
        requests: Sender<Request>,
    ) -> Result<Self, BackendError> {
        let log = Arc::new(log);
        let (groups, inbox) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("queue-sync".to_owned())
            .spawn({
                let log = log.clone();
                move || run(&log, &shared, &inbox, &requests)
            })
            .map_err(no_thread)?;
        Ok(Self::Log(LogSync {
            log,
            groups: Some(groups),
            thread: Some(thread),
            pending: 0,
        }))
    }

    /// How many transactions are committed and not durable yet.
    pub(super) fn pending(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Log(sync) => sync.pending,
        }
    }

    /// So many transactions became durable, or never will be.
    pub(super) fn answered(&mut self, groups: usize) {
        if let Self::Log(sync) = self {
            sync.pending -= groups;
        }
    }

    /// Makes `committed` durable and tells everybody. With `others` waiting for the writer it returns at once, and the
    /// thread does it; a lone caller is not worth a change of threads.
    pub(super) fn finish(&mut self, committed: Committed, shared: &Shared, others: bool) {
        let sync = match self {
            Self::None => return committed.tell(shared, Ok(())),
            Self::Log(sync) => sync,
        };
        // What is with the thread comes first: events keep the order of the commits.
        let committed = match &sync.groups {
            Some(groups)
                if sync.pending > 0
                    || ((others || committed.tasks.len() > 1) && committed.is_dirty) =>
            {
                sync.pending += 1;
                match groups.send(committed) {
                    Ok(()) => return,
                    // The thread is gone, which only a panic does to it.
                    Err(mpsc::SendError(committed)) => committed,
                }
            }
            _ => committed,
        };
        let result = match committed.is_dirty {
            true => sync_log(&sync.log, shared),
            false => Ok(()),
        };
        committed.tell(shared, result);
    }

    /// Waits until everything is durable.
    pub(super) fn stop(&mut self) {
        if let Self::Log(sync) = self {
            sync.groups = None;
            sync.pending = 0;
            if let Some(thread) = sync.thread.take()
                && thread.join().is_err()
            {
                tracing::error!("the thread that syncs the store panicked");
            }
        }
    }
}

impl Committed {
    /// Tells observers, workers and callers.
    fn tell(self, shared: &Shared, result: Result<(), BackendError>) {
        match result {
            Ok(()) => {
                shared.announce(self.announcement);
                self.tasks.into_iter().for_each(|task| task.finish(Ok(())));
            }
            Err(error) => refuse(self.tasks, error),
        }
    }
}

/// Answers all `tasks` with `error`; the first gets its causes too.
pub(super) fn refuse(tasks: Vec<Box<dyn Task>>, error: BackendError) {
    let (kind, text) = (error.kind(), error.to_string());
    let again = std::iter::repeat_with(|| BackendError::new(kind, text.clone()));
    for (task, error) in tasks.into_iter().zip(std::iter::once(error).chain(again)) {
        task.finish(Err(error));
    }
}

fn run(log: &File, shared: &Shared, groups: &Receiver<Committed>, requests: &Sender<Request>) {
    while let Ok(first) = groups.recv() {
        // One sync serves all that are committed by now.
        let synced: Vec<Committed> = std::iter::once(first).chain(groups.try_iter()).collect();
        let mut result = match synced.iter().any(|group| group.is_dirty) {
            true => sync_log(log, shared),
            false => Ok(()),
        };
        let count = synced.len();
        for group in synced {
            let next = match result {
                Ok(()) => Ok(()),
                Err(_) => Err(poisoned()),
            };
            group.tell(shared, std::mem::replace(&mut result, next));
        }
        // The writer may have ended.
        let _ = requests.send(Request::Synced(count));
    }
}

/// Syncs the log. Once that failed nothing is acknowledged any more: the kernel may have dropped the pages and call the next
/// sync a success (the "fsyncgate" of PostgreSQL).
fn sync_log(log: &File, shared: &Shared) -> Result<(), BackendError> {
    if shared.is_poisoned() {
        return Err(poisoned());
    }
    log.sync_data().map_err(|error| {
        shared.poison();
        tracing::error!(error = %error, "the log could not be synced; the store acknowledges nothing until it is reopened");
        poisoned().caused_by(error)
    })
}
