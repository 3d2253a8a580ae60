//! The one writer thread of a handle, and its group commit.
//!
//! Whatever queued up while the last sync ran is the next transaction: one sync serves them all, a lone caller waits for
//! no one, and no timer is involved. Callers are answered only after the commit.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::time::Instant;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::error::{closed, poisoned, translate};
use super::maintenance;
use super::options::{FOREIGN_POLL, MAINTENANCE_INTERVAL, WAITING_JOBS_MAX};
use super::presence::Presence;
use super::recovery;
use super::reserve::Reserve;
use super::shared::Shared;
use super::statements::Statements;
use super::txn::{Announcement, Effects, Memory, Txn};
use crate::backend::{BackendError, BackendErrorKind};

/// How many tasks one transaction serves at most; more would make the first wait for the last.
const GROUP_TASKS_MAX: usize = 512;

/// A request to the writer.
pub(super) enum Request {
    Task(Box<dyn Task>),
    /// Answer when everything before it is durable, then end.
    Close(oneshot::Sender<()>),
}

/// Work inside a transaction. It may run twice: again alone, when the group it ran in was rolled back.
pub(super) trait Task: Send {
    fn run(&mut self, txn: &mut Txn<'_>) -> Result<(), BackendError>;

    /// Answers the caller: the commit is durable, or failed.
    fn finish(self: Box<Self>, result: Result<(), BackendError>);
}

/// A task from two closures: `work` inside the transaction, `reply` once its value is durable.
pub(super) struct Call<T, F, R> {
    work: F,
    value: Option<T>,
    reply: R,
}

impl<T, F, R> Call<T, F, R>
where
    T: Send,
    F: FnMut(&mut Txn<'_>) -> Result<T, BackendError> + Send,
    R: FnOnce(Result<T, BackendError>) + Send,
{
    pub(super) fn new(work: F, reply: R) -> Self {
        Self {
            work,
            value: None,
            reply,
        }
    }
}

impl<T, F, R> Task for Call<T, F, R>
where
    T: Send,
    F: FnMut(&mut Txn<'_>) -> Result<T, BackendError> + Send,
    R: FnOnce(Result<T, BackendError>) + Send,
{
    fn run(&mut self, txn: &mut Txn<'_>) -> Result<(), BackendError> {
        self.value = Some((self.work)(txn)?);
        Ok(())
    }

    fn finish(self: Box<Self>, result: Result<(), BackendError>) {
        let Self { value, reply, .. } = *self;
        reply(result.and_then(|()| value.ok_or_else(closed)));
    }
}

/// Runs `work` in the next transaction and waits until it is durable.
pub(super) async fn write<T, F>(requests: &Sender<Request>, work: F) -> Result<T, BackendError>
where
    T: Send + 'static,
    F: FnMut(&mut Txn<'_>) -> Result<T, BackendError> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    // A caller that went away needs no answer.
    let call = Call::new(work, move |result| drop(reply.send(result)));
    requests
        .send(Request::Task(Box::new(call)))
        .map_err(|_| closed())?;
    answer.await.map_err(|_| closed())?
}

pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) shared: Arc<Shared>,
    pub(super) presence: Option<Presence>,
    pub(super) reserve: Option<Reserve>,
    pub(super) memory: Memory,
    pub(super) poisoned: bool,
    /// SQLite's counter of commits by *other* connections, to notice other processes.
    pub(super) seen: i64,
}

impl Writer {
    /// Serves requests until the store is closed or the last handle is gone.
    pub(super) fn run(mut self, requests: &Receiver<Request>) {
        let opened = Instant::now();
        let mut maintained: Option<Instant> = None;
        let mut noticed = opened;
        let mut group: VecDeque<Box<dyn Task>> = VecDeque::new();
        loop {
            let close = match self.gather(requests, &mut group) {
                Gathered::Group => None,
                Gathered::Close(reply) => Some(reply),
                Gathered::Disconnected => break,
            };
            if !group.is_empty() {
                self.serve(&mut group);
            }
            if let Some(reply) = close {
                self.end();
                let _ = reply.send(());
                return;
            }
            // A writer that is never idle looks out for other processes too.
            if noticed.elapsed() >= FOREIGN_POLL {
                noticed = Instant::now();
                self.notice_others();
            }
            // The first look waits for the first worker, so that whoever subscribed before it hears what was recovered.
            let is_due = match maintained {
                None => self.shared.is_worked() || opened.elapsed() >= MAINTENANCE_INTERVAL,
                Some(at) => at.elapsed() >= MAINTENANCE_INTERVAL,
            };
            if is_due {
                maintained = Some(Instant::now());
                self.maintain();
            }
        }
        self.end();
    }

    /// Waits for the first request and takes what else is there; comes back empty-handed now and then to look around.
    fn gather(
        &mut self,
        requests: &Receiver<Request>,
        group: &mut VecDeque<Box<dyn Task>>,
    ) -> Gathered {
        let workers_wait = self.shared.waiting_workers.load(Ordering::Acquire) > 0;
        let patience = if workers_wait && self.presence.is_some() {
            FOREIGN_POLL
        } else {
            MAINTENANCE_INTERVAL
        };
        match requests.recv_timeout(patience) {
            Ok(Request::Task(task)) => group.push_back(task),
            Ok(Request::Close(reply)) => return Gathered::Close(reply),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Gathered::Disconnected,
        }
        while group.len() < GROUP_TASKS_MAX {
            match requests.try_recv() {
                Ok(Request::Task(task)) => group.push_back(task),
                Ok(Request::Close(reply)) => return Gathered::Close(reply),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        Gathered::Group
    }

    /// One transaction for the whole group. When it fails, each task gets one of its own, so that only the one at fault
    /// fails: on a full disk an enqueue is refused while a settlement still fits.
    fn serve(&mut self, group: &mut VecDeque<Box<dyn Task>>) {
        let mut tasks: Vec<Box<dyn Task>> = group.drain(..).collect();
        let Err(error) = self.transact(&mut tasks) else {
            tasks.into_iter().for_each(|task| task.finish(Ok(())));
            return;
        };
        if error.kind() == BackendErrorKind::Full {
            self.make_room();
        }
        if self.poisoned || !may_be_one_tasks_fault(error.kind()) {
            refuse(tasks, error);
            return;
        }
        for mut task in tasks {
            let result = self.transact(std::slice::from_mut(&mut task));
            task.finish(result);
        }
    }

    fn transact(&mut self, tasks: &mut [Box<dyn Task>]) -> Result<(), BackendError> {
        if self.poisoned {
            return Err(poisoned());
        }
        let announcement =
            self.in_transaction(|txn| tasks.iter_mut().try_for_each(|task| task.run(txn)))?;
        self.shared.announce(announcement);
        Ok(())
    }

    fn in_transaction(
        &mut self,
        work: impl FnOnce(&mut Txn<'_>) -> Result<(), BackendError>,
    ) -> Result<Announcement, BackendError> {
        self.begin()?;
        let mut txn = Txn {
            connection: &self.connection,
            statements: Statements::new(&self.connection),
            memory: &mut self.memory,
            now: self.shared.clock.now(),
            uptime: self.shared.clock.uptime(),
            worker: self.shared.worker,
            retention: self.shared.retention,
            observed: self.shared.is_observed(),
            is_short_of_room: self
                .reserve
                .as_ref()
                .is_some_and(|reserve| reserve.is_short),
            effects: Effects::default(),
        };
        match work(&mut txn).and_then(|()| txn.conclude()) {
            Ok(announcement) => match self
                .connection
                .prepare_cached("COMMIT")
                .and_then(|mut commit| commit.execute([]))
            {
                Ok(_) => Ok(announcement),
                Err(error) => {
                    self.roll_back();
                    Err(self.commit_failed(error))
                }
            },
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    fn begin(&mut self) -> Result<(), BackendError> {
        let begun = self
            .connection
            .prepare_cached("BEGIN IMMEDIATE")
            .and_then(|mut begin| begin.execute([]));
        begun.map(drop).map_err(translate)
    }

    fn roll_back(&mut self) {
        self.memory.forget_queues();
        if !self.connection.is_autocommit() {
            // SQLite rolls back by itself on the gravest errors; then there is nothing left to do.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    /// A commit that failed for lack of space changed nothing. One that failed in another way may have reached the disk or
    /// not, and the kernel may have dropped the pages and call the next sync a success (the "fsyncgate" of PostgreSQL):
    /// from then on nothing is acknowledged.
    fn commit_failed(&mut self, error: rusqlite::Error) -> BackendError {
        if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
            self.poisoned = true;
            tracing::error!(error = %error, "a commit could not be synced; the store acknowledges nothing until it is reopened");
            return poisoned().caused_by(error);
        }
        translate(error)
    }

    fn maintain(&mut self) {
        if self.poisoned {
            return;
        }
        if let Some(reserve) = &mut self.reserve {
            reserve.restore(&self.connection);
        }
        let dead = self
            .presence
            .as_ref()
            .map(Presence::dead)
            .unwrap_or_default();
        let presence = self.presence.take();
        let result = self.in_transaction(|txn| {
            if let Some(presence) = &presence {
                // Asked inside the transaction: whoever leased anything so far announced itself before it.
                recovery::recover_missing(txn, &presence.announced())?;
            }
            maintenance::run(txn, &dead)
        });
        self.presence = presence;
        match result {
            Ok(announcement) => {
                self.shared.announce(announcement);
                for id in dead {
                    if let Some(presence) = &self.presence {
                        presence.forget(id);
                    }
                }
            }
            Err(error) if error.kind() == BackendErrorKind::Full => self.make_room(),
            Err(error) => {
                tracing::warn!(error = %error, "the store could not look after itself; it will try again")
            }
        }
    }

    fn make_room(&mut self) {
        if let Some(reserve) = &mut self.reserve {
            reserve.spend(&self.connection);
        }
    }

    /// Wakes the workers of this process when another process wrote something.
    fn notice_others(&mut self) {
        let version = self
            .connection
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut pragma| pragma.query_row([], |row| row.get::<_, i64>(0)));
        if let Ok(version) = version
            && version != self.seen
        {
            self.seen = version;
            self.shared.wake_all();
        }
    }

    fn end(self) {
        let running: Result<i64, _> = self.connection.query_row(
            "SELECT count(*) FROM queue_jobs WHERE state = 2 AND worker = ?1",
            [self.shared.worker],
            |row| row.get(0),
        );
        // A tidy end leaves one file behind, and nothing in it that was wiped.
        let folded = self
            .connection
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
        if let Err(error) =
            folded.and_then(|()| self.connection.close().map_err(|(_, error)| error))
        {
            tracing::warn!(error = %error, "the store did not close cleanly; nothing acknowledged is lost");
        }
        if let (Ok(0), Some(presence)) = (running, self.presence) {
            presence.retire();
        }
        self.shared.wake_all();
    }
}

/// Answers all `tasks` with `error`; the first gets its causes too.
fn refuse(tasks: Vec<Box<dyn Task>>, error: BackendError) {
    let (kind, text) = (error.kind(), error.to_string());
    let again = std::iter::repeat_with(|| BackendError::new(kind, text.clone()));
    for (task, error) in tasks.into_iter().zip(std::iter::once(error).chain(again)) {
        task.finish(Err(error));
    }
}

/// Whether other tasks of the group may well succeed alone. A store that is locked or read-only refuses them all, and
/// asking it again for each would only keep everybody waiting.
fn may_be_one_tasks_fault(kind: BackendErrorKind) -> bool {
    matches!(
        kind,
        BackendErrorKind::Full | BackendErrorKind::Corrupt | BackendErrorKind::Io
    )
}

enum Gathered {
    Group,
    Close(oneshot::Sender<()>),
    Disconnected,
}

const _: () = assert!(GROUP_TASKS_MAX <= WAITING_JOBS_MAX);
