//! [`Txn`]: one transaction, and what has to happen once it is durable.

use std::collections::HashMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::row::state_code;
use super::statements::Statements;
use crate::backend::lanes::Lanes;
use crate::backend::{BackendError, Event, EventKind, Retention};
use crate::clock::Timestamp;
use crate::job::{IdempotencyKey, JobId, Kind, State};

/// The number of a queue inside one store.
pub(super) type QueueId = i64;

/// What the writer remembers between transactions. All of it can be rebuilt from the store.
#[derive(Default)]
pub(super) struct Memory {
    queues: HashMap<String, QueueId>,
    names: HashMap<QueueId, String>,
    pub(super) lanes: HashMap<QueueId, Lanes>,
}

impl Memory {
    /// Forgets the queues, which a transaction that was rolled back may have made.
    pub(super) fn forget_queues(&mut self) {
        self.queues.clear();
        self.names.clear();
    }
}

/// One write transaction. Operations are functions over it; they leave behind what changed, and the writer announces it
/// when the commit is durable.
pub(super) struct Txn<'a> {
    pub(super) connection: &'a Connection,
    pub(super) statements: Statements<'a>,
    pub(super) memory: &'a mut Memory,
    pub(super) now: Timestamp,
    pub(super) uptime: u64,
    pub(super) worker: i64,
    pub(super) retention: Retention,
    /// Somebody listens, so events are worth making.
    pub(super) observed: bool,
    /// The disk was full a moment ago: no new jobs.
    pub(super) is_short_of_room: bool,
    pub(super) effects: Effects,
}

/// What observers and workers hear of a transaction.
pub(super) struct Announcement {
    pub(super) events: Vec<Event>,
    /// The queues in which there may be work now.
    pub(super) woken: Vec<String>,
}

/// What a transaction changed.
#[derive(Default)]
pub(super) struct Effects {
    events: Vec<Event>,
    /// Queues in which jobs became ready, or may have.
    woken: Vec<QueueId>,
    /// For each queue, how the count of each state changed.
    counts: Vec<(QueueId, [i64; State::ALL.len()])>,
}

/// What an event tells of a job, besides its name.
pub(super) struct Subject<'a> {
    pub(super) queue: QueueId,
    pub(super) id: JobId,
    pub(super) kind: &'a str,
    pub(super) key: Option<&'a str>,
    pub(super) attempt: u16,
}

impl<'a> Txn<'a> {
    /// The number of the queue called `name`, which is made when it is new.
    pub(super) fn queue_id(&mut self, name: &str) -> Result<QueueId, BackendError> {
        if let Some(id) = self.find_queue(name)? {
            return Ok(id);
        }
        self.execute("INSERT INTO queue_queues (name) VALUES (?1)", params![name])?;
        let id = self.connection.last_insert_rowid();
        self.remember_queue(name, id);
        Ok(id)
    }

    /// The number of the queue called `name`, if the store knows it.
    pub(super) fn find_queue(&mut self, name: &str) -> Result<Option<QueueId>, BackendError> {
        if let Some(id) = self.memory.queues.get(name) {
            return Ok(Some(*id));
        }
        let found = self.with("SELECT id FROM queue_queues WHERE name = ?1", |statement| {
            statement.query_row([name], |row| row.get(0)).optional()
        })?;
        if let Some(id) = found {
            self.remember_queue(name, id);
        }
        Ok(found)
    }

    /// The name of queue `id`.
    pub(super) fn queue_name(&mut self, id: QueueId) -> Result<String, BackendError> {
        if let Some(name) = self.memory.names.get(&id) {
            return Ok(name.clone());
        }
        let name: String = self
            .with("SELECT name FROM queue_queues WHERE id = ?1", |statement| {
                statement.query_row([id], |row| row.get(0))
            })?;
        self.remember_queue(&name, id);
        Ok(name)
    }

    /// All queues of the store.
    pub(super) fn queue_ids(&self) -> Result<Vec<QueueId>, BackendError> {
        self.with("SELECT id FROM queue_queues", |statement| {
            statement.query_map([], |row| row.get(0))?.collect()
        })
    }

    /// Runs `work` with a statement that stays prepared.
    pub(super) fn with<T>(
        &self,
        sql: &'static str,
        work: impl FnOnce(&mut CachedStatement<'a>) -> rusqlite::Result<T>,
    ) -> Result<T, BackendError> {
        self.statements.with(sql, work)
    }

    /// Runs a statement and says how many rows it changed.
    pub(super) fn execute(
        &self,
        sql: &'static str,
        params: impl rusqlite::Params,
    ) -> Result<usize, BackendError> {
        self.with(sql, |statement| statement.execute(params))
    }

    /// Counts a job that came from `from` (nowhere when new) and is `to` now (nowhere when deleted).
    pub(super) fn count(&mut self, queue: QueueId, from: Option<State>, to: Option<State>) {
        let known = self.effects.counts.iter().position(|(id, _)| *id == queue);
        let place = known.unwrap_or_else(|| {
            self.effects.counts.push((queue, [0; State::ALL.len()]));
            self.effects.counts.len() - 1
        });
        let changes = &mut self.effects.counts[place].1;
        if let Some(from) = from {
            changes[from as usize] -= 1;
        }
        if let Some(to) = to {
            changes[to as usize] += 1;
        }
    }

    /// Notes an event, if anybody listens.
    pub(super) fn event(
        &mut self,
        name: EventKind,
        subject: &Subject<'_>,
        reason: Option<&str>,
    ) -> Result<(), BackendError> {
        if !self.observed {
            return Ok(());
        }
        let queue = self.queue_name(subject.queue)?;
        let kind = Kind::from(subject.kind.to_owned());
        let mut event = Event::new(name, subject.id, queue, kind, subject.attempt, self.now);
        event.idempotency_key = subject.key.and_then(|key| IdempotencyKey::new(key).ok());
        event.reason = reason.map(str::to_owned);
        self.effects.events.push(event);
        Ok(())
    }

    /// Wakes workers of `queue` once the transaction is durable.
    pub(super) fn wake(&mut self, queue: QueueId) {
        if !self.effects.woken.contains(&queue) {
            self.effects.woken.push(queue);
        }
    }

    /// Writes the changed counts; the last step before the commit. Answers what to announce after it.
    pub(super) fn conclude(mut self) -> Result<Announcement, BackendError> {
        let effects = std::mem::take(&mut self.effects);
        for (queue, changes) in effects.counts {
            for (state, change) in State::ALL.into_iter().zip(changes) {
                if change != 0 {
                    self.execute(
                        "INSERT INTO queue_counts (queue, state, count) VALUES (?1, ?2, ?3)
                         ON CONFLICT (queue, state) DO UPDATE SET count = count + excluded.count",
                        params![queue, state_code(state), change],
                    )?;
                }
            }
        }
        let woken = effects
            .woken
            .into_iter()
            .map(|queue| self.queue_name(queue))
            .collect::<Result<_, _>>()?;
        Ok(Announcement {
            events: effects.events,
            woken,
        })
    }

    fn remember_queue(&mut self, name: &str, id: QueueId) {
        self.memory.queues.insert(name.to_owned(), id);
        self.memory.names.insert(id, name.to_owned());
    }
}
