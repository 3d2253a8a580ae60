//! The one writer thread of a handle, and its group commit.
//!
//! Whatever queued up while the last sync ran is the next transaction: one sync serves them all, a lone caller waits for
//! no one, and no timer is involved. Callers are answered only after the commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::error::{closed, poisoned, translate};
use super::inbox::{End, Inbox, Request};
use super::lock;
use super::maintenance;
use super::options::{BUSY_TIMEOUT, FOREIGN_POLL, LOG_PAGES_MAX, MAINTENANCE_INTERVAL};
use super::presence::Presence;
use super::recovery;
use super::reserve::Reserve;
use super::shared::Shared;
use super::statements::Statements;
use super::sync::{Committed, Sync, refuse};
use super::txn::{Announcement, Effects, Memory, Txn};
use crate::backend::{BackendError, BackendErrorKind};

/// Work inside a transaction. It may run twice: again alone, when the group it ran in was rolled back.
pub(super) trait Task: Send {
    fn run(&mut self, txn: &mut Txn<'_>) -> Result<(), BackendError>;

    /// Since when the caller waits.
    fn since(&self) -> Instant;

    /// Answers the caller: the commit is durable, or failed.
    fn finish(self: Box<Self>, result: Result<(), BackendError>);
}

/// A task from two closures: `work` inside the transaction, `reply` once its value is durable.
pub(super) struct Call<T, F, R> {
    work: F,
    value: Option<T>,
    reply: R,
    since: Instant,
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
            since: Instant::now(),
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

    fn since(&self) -> Instant {
        self.since
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
    pub(super) sync: Sync,
    /// How many pages the log held after the last commit that wrote any.
    pub(super) log_pages: Arc<AtomicUsize>,
    /// SQLite's counter of commits by *other* connections, to notice other processes.
    pub(super) seen: i64,
}

impl Writer {
    /// Serves requests until the store is closed or the last handle is gone.
    pub(super) fn run(mut self, requests: Receiver<Request>) {
        let mut inbox = Inbox::new(requests);
        let opened = Instant::now();
        let mut maintained: Option<Instant> = None;
        let mut noticed = opened;
        loop {
            let tasks = inbox.group(self.sync.pending(), self.patience());
            self.sync.answered(inbox.synced());
            if !tasks.is_empty() {
                self.serve(tasks, &mut inbox);
            }
            if let Some(end) = inbox.end() {
                self.end(&mut inbox);
                if let End::Closed(reply) = end {
                    let _ = reply.send(());
                }
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
    }

    /// How long an idle writer sleeps before it looks around.
    fn patience(&self) -> Duration {
        let workers_wait = self.shared.waiting_workers.load(Ordering::Acquire) > 0;
        if workers_wait && self.presence.is_some() {
            FOREIGN_POLL
        } else {
            MAINTENANCE_INTERVAL
        }
    }

    /// One transaction for the whole group. When it fails, each task gets one of its own, so that only the one at fault
    /// fails: on a full disk an enqueue is refused while a settlement still fits.
    fn serve(&mut self, mut tasks: Vec<Box<dyn Task>>, inbox: &mut Inbox) {
        let error = match self.transact(&mut tasks) {
            Ok(commit) => return self.finish(commit, tasks, inbox.is_waiting()),
            Err(error) => error,
        };
        if error.kind() == BackendErrorKind::Full {
            self.make_room();
        }
        if self.shared.is_poisoned() || !may_be_one_tasks_fault(error.kind()) {
            refuse(tasks, error);
            return;
        }
        for mut task in tasks {
            match self.transact(std::slice::from_mut(&mut task)) {
                Ok(commit) => self.finish(commit, vec![task], true),
                Err(error) => task.finish(Err(error)),
            }
        }
    }

    fn transact(&mut self, tasks: &mut [Box<dyn Task>]) -> Result<Commit, BackendError> {
        // Who waited for the store's lock behind others does not wait as long again.
        let since = tasks.iter().map(|task| task.since()).min();
        lock::wait_until(since.unwrap_or_else(Instant::now) + BUSY_TIMEOUT);
        self.in_transaction(|txn| tasks.iter_mut().try_for_each(|task| task.run(txn)))
    }

    fn in_transaction(
        &mut self,
        work: impl FnOnce(&mut Txn<'_>) -> Result<(), BackendError>,
    ) -> Result<Commit, BackendError> {
        if self.shared.is_poisoned() {
            return Err(poisoned());
        }
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
            Ok(announcement) => self.commit(announcement),
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    fn commit(&mut self, announcement: Announcement) -> Result<Commit, BackendError> {
        self.log_pages.store(0, Ordering::Relaxed);
        let committed = self
            .connection
            .prepare_cached("COMMIT")
            .and_then(|mut commit| commit.execute([]));
        match committed {
            Ok(_) => Ok(Commit {
                log_pages: self.log_pages.load(Ordering::Relaxed),
                announcement,
            }),
            Err(error) => {
                self.roll_back();
                Err(self.failed(error))
            }
        }
    }

    /// Answers `tasks` once the commit is durable.
    fn finish(&mut self, commit: Commit, tasks: Vec<Box<dyn Task>>, others: bool) {
        let committed = Committed {
            tasks,
            is_dirty: commit.log_pages > 0 || commit.announcement.is_of_others,
            announcement: commit.announcement,
        };
        self.sync.finish(committed, &self.shared, others);
        if commit.log_pages >= LOG_PAGES_MAX {
            self.fold();
        }
    }

    /// Folds the log into the database, as far as no reader needs it.
    fn fold(&mut self) {
        let folded = self
            .connection
            .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")
            .and_then(|mut fold| fold.query_row([], |_| Ok(())));
        if let Err(error) = folded
            && self.failed(error).kind() == BackendErrorKind::Full
        {
            self.make_room();
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

    /// A write that failed for lack of space changed nothing. One that failed in another way may have reached the disk or
    /// not, and the kernel may have dropped the pages and call the next sync a success (the "fsyncgate" of PostgreSQL):
    /// from then on nothing is acknowledged.
    fn failed(&self, error: rusqlite::Error) -> BackendError {
        if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
            self.shared.poison();
            tracing::error!(error = %error, "a write failed; the store acknowledges nothing until it is reopened");
            return poisoned().caused_by(error);
        }
        translate(error)
    }

    fn maintain(&mut self) {
        if self.shared.is_poisoned() {
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
        lock::wait_until(Instant::now() + BUSY_TIMEOUT);
        let result = self.in_transaction(|txn| {
            if let Some(presence) = &presence {
                // Asked inside the transaction: whoever leased anything so far announced itself before it.
                recovery::recover_missing(txn, &presence.announced())?;
            }
            maintenance::run(txn, &dead)
        });
        self.presence = presence;
        match result {
            Ok(commit) => {
                self.finish(commit, Vec::new(), false);
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
        lock::wait_until(Instant::now() + BUSY_TIMEOUT);
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

    fn end(mut self, inbox: &mut Inbox) {
        self.sync.stop();
        // A lease that nobody waited for any more comes back behind the request to end.
        let returned = inbox.rest();
        if !returned.is_empty() {
            self.serve(returned, inbox);
            self.sync.stop();
        }
        let running: Result<i64, _> = self.connection.query_row(
            "SELECT count(*) FROM queue_jobs WHERE state = 2 AND worker = ?1",
            [self.shared.worker],
            |row| row.get(0),
        );
        // A tidy end leaves one file behind, and nothing in it that was wiped.
        lock::wait_until(Instant::now() + BUSY_TIMEOUT);
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

/// A transaction that is committed.
struct Commit {
    announcement: Announcement,
    /// How many pages the log holds; 0 when nothing was written.
    log_pages: usize,
}

/// Whether other tasks of the group may well succeed alone. A store that is locked or read-only refuses them all, and
/// asking it again for each would only keep everybody waiting.
fn may_be_one_tasks_fault(kind: BackendErrorKind) -> bool {
    matches!(
        kind,
        BackendErrorKind::Full | BackendErrorKind::Corrupt | BackendErrorKind::Io
    )
}
