//! [`Inbox`]: what the writer is asked for, gathered into groups.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use tokio::sync::oneshot;

use super::options::WAITING_JOBS_MAX;
use super::writer::Task;

/// How many tasks one transaction serves at most; more would make the first wait for the last.
const GROUP_TASKS_MAX: usize = 512;

/// How many tasks are worth a transaction of their own while the one before is being synced. Fewer gain more from waiting
/// for its end: each transaction writes the same few pages again.
const GROUP_TASKS_MIN: usize = 16;

/// A request to the writer.
pub(super) enum Request {
    Task(Box<dyn Task>),
    /// So many transactions that were handed over are durable.
    Synced(usize),
    /// Answer when everything before it is durable, then end.
    Close(oneshot::Sender<()>),
}

/// The way to the writer. The store is closed when the last holder is gone.
pub(super) struct Requests(Sender<Request>);

impl Requests {
    pub(super) fn new(sender: Sender<Request>) -> Arc<Self> {
        Arc::new(Self(sender))
    }
}

impl Deref for Requests {
    type Target = Sender<Request>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        // The writer finishes what was accepted and ends; it may have ended already.
        let _ = self.0.send(Request::Close(oneshot::channel().0));
    }
}

/// Why the writer ends.
pub(super) enum End {
    /// Somebody closed the store.
    Closed(oneshot::Sender<()>),
    /// Nobody can ask any more.
    Deserted,
}

/// The requests that wait for the writer.
pub(super) struct Inbox {
    requests: Receiver<Request>,
    tasks: Vec<Box<dyn Task>>,
    synced: usize,
    end: Option<End>,
}

impl Inbox {
    pub(super) fn new(requests: Receiver<Request>) -> Self {
        Self {
            requests,
            tasks: Vec::new(),
            synced: 0,
            end: None,
        }
    }

    /// Whether a task waits, or the end.
    pub(super) fn is_waiting(&mut self) -> bool {
        self.take_in();
        !self.tasks.is_empty() || self.end.is_some()
    }

    /// The next group, waited for by no longer than `patience`; with transactions `pending` at the sync, a group that is
    /// worth one of its own.
    pub(super) fn group(&mut self, pending: usize, patience: Duration) -> Vec<Box<dyn Task>> {
        loop {
            self.take_in();
            let enough = match pending - self.synced {
                0 => 1,
                _ => GROUP_TASKS_MIN,
            };
            if self.tasks.len() >= enough || self.end.is_some() {
                break;
            }
            match self.requests.recv_timeout(patience) {
                Ok(request) => self.accept(request),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => self.end = Some(End::Deserted),
            }
        }
        std::mem::take(&mut self.tasks)
    }

    /// How many handed over transactions were answered since it was asked last.
    pub(super) fn synced(&mut self) -> usize {
        std::mem::take(&mut self.synced)
    }

    /// Why the writer is to end, once everything before is served.
    pub(super) fn end(&mut self) -> Option<End> {
        self.end.take()
    }

    /// What is there after the end.
    pub(super) fn rest(&mut self) -> Vec<Box<dyn Task>> {
        let rest = self
            .requests
            .try_iter()
            .filter_map(|request| match request {
                Request::Task(task) => Some(task),
                Request::Synced(_) | Request::Close(_) => None,
            });
        rest.collect()
    }

    fn take_in(&mut self) {
        while self.tasks.len() < GROUP_TASKS_MAX && self.end.is_none() {
            match self.requests.try_recv() {
                Ok(request) => self.accept(request),
                Err(_) => return,
            }
        }
    }

    fn accept(&mut self, request: Request) {
        match request {
            Request::Task(task) => self.tasks.push(task),
            Request::Synced(groups) => self.synced += groups,
            Request::Close(reply) => self.end = Some(End::Closed(reply)),
        }
    }
}

const _: () = assert!(GROUP_TASKS_MAX <= WAITING_JOBS_MAX);
