//! [`Shared`]: what all calls of a store share.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::api::Api;
use super::charging::Charging;
use super::connection::Connection;
use super::events::Events;
use super::finish::Orphans;
use super::held::Held;
use super::names::{self, Names};
use super::provision;
use super::query;
use super::queue::QueueState;
use super::record::Record;
use super::records::RecordStream;
use super::refusal::{closed, unanswered};
use super::room::Room;
use super::writing;
use crate::backend::{BackendError, Retention};
use crate::clock::Clock;
use crate::job::{JobId, State};

/// How long the list of the server's queues is believed.
const QUEUES_KNOWN_FOR: Duration = Duration::from_secs(5);

pub(super) struct Shared {
    pub(super) connection: Arc<Connection>,
    pub(super) api: Api,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) retention: Retention,
    pub(super) events: Events,
    pub(super) held: Held,
    pub(super) orphans: Arc<Orphans>,
    pub(super) record_stream: RecordStream,
    pub(super) charging: Charging,
    queues: Mutex<HashMap<String, Arc<OnceCell<Arc<QueueState>>>>>,
    /// The queues that the server has, and when it was asked.
    listed: Mutex<Option<(Instant, BTreeSet<String>)>>,
    is_closed: AtomicBool,
    foreign_seen: AtomicBool,
    /// Names this process among those that write records.
    instance: String,
    writes: AtomicU64,
}

impl Shared {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        let options = &connection.options;
        let inbox = connection.client.new_inbox();
        Self {
            api: connection.api.clone(),
            clock: options.clock.clone(),
            retention: options.retention,
            events: Events::new(),
            held: Held::default(),
            orphans: Orphans::new(),
            record_stream: RecordStream::default(),
            charging: Charging::default(),
            queues: Mutex::default(),
            listed: Mutex::default(),
            is_closed: AtomicBool::new(false),
            foreign_seen: AtomicBool::new(false),
            instance: inbox.rsplit('.').next().unwrap_or_default().to_owned(),
            writes: AtomicU64::new(0),
            connection,
        }
    }

    pub(super) fn check_open(&self) -> Result<(), BackendError> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        Ok(())
    }

    /// Answers `closed` from now on; true the first time.
    pub(super) fn close(&self) -> bool {
        let is_first = !self.is_closed.swap(true, Ordering::AcqRel);
        self.events.close();
        // The pull tasks end with their last handles.
        self.lock_queues().clear();
        is_first
    }

    /// The queue called `name`; its streams are made when this process uses it first.
    pub(super) async fn queue(&self, name: &str) -> Result<Arc<QueueState>, BackendError> {
        self.check_open()?;
        let cell = self
            .lock_queues()
            .entry(name.to_owned())
            .or_default()
            .clone();
        let made = cell.get_or_try_init(|| async {
            let names = Names::of(name);
            provision::provision(&self.connection, &names).await?;
            let options = &self.connection.options;
            let (messages_max, bytes_max) = options.bounds(name);
            let room = Room::new(messages_max, bytes_max);
            Ok(Arc::new(QueueState::new(names, room, options.ack_wait)))
        });
        made.await.cloned()
    }

    /// The queues that this process used.
    pub(super) fn known_queues(&self) -> Vec<Arc<QueueState>> {
        (self.lock_queues().values())
            .filter_map(|cell| cell.get().cloned())
            .collect()
    }

    /// The queues of the server that are not in `seen`.
    pub(super) async fn other_queues(
        &self,
        seen: &BTreeSet<String>,
    ) -> Result<Vec<Arc<QueueState>>, BackendError> {
        let known = self.lock_listed().clone();
        let listed = match known {
            Some((at, listed)) if at.elapsed() < QUEUES_KNOWN_FOR => listed,
            _ => {
                let listed = self.list_queues().await?;
                *self.lock_listed() = Some((Instant::now(), listed.clone()));
                listed
            }
        };
        let mut others = Vec::new();
        for name in listed.difference(seen) {
            others.push(self.queue(name).await?);
        }
        Ok(others)
    }

    async fn list_queues(&self) -> Result<BTreeSet<String>, BackendError> {
        let mut queues = BTreeSet::new();
        let mut streams = self.api.context.streams();
        while let Some(stream) = streams.next().await {
            let config = stream.map_err(unanswered)?.config;
            let queue = (config.subjects.iter())
                .find_map(|subject| names::unescape(subject.strip_suffix(".status.>")?));
            // Only one whose four streams are ours: the names decide, the provisioning checks.
            if let Some(queue) = queue.filter(|queue| Names::of(queue).events == config.name) {
                queues.insert(queue);
            }
        }
        Ok(queues)
    }

    /// The queue that a job is in.
    pub(super) async fn queue_of(
        &self,
        job: JobId,
    ) -> Result<Option<Arc<QueueState>>, BackendError> {
        let mut seen = BTreeSet::new();
        for queue in self.known_queues() {
            if query::job_of(self, &queue, job).await?.is_some() {
                return Ok(Some(queue));
            }
            seen.insert(queue.names.queue.clone());
        }
        for queue in self.other_queues(&seen).await? {
            if query::job_of(self, &queue, job).await?.is_some() {
                return Ok(Some(queue));
            }
        }
        Ok(None)
    }

    /// A job's record, its place and its queue, among the queues that this process used.
    pub(super) async fn find_record(
        &self,
        job: JobId,
    ) -> Result<Option<(Arc<QueueState>, Record, u64)>, BackendError> {
        for queue in self.known_queues() {
            if let Some((record, sequence)) = writing::record(self, &queue.names, job).await? {
                return Ok(Some((queue, record, sequence)));
            }
        }
        Ok(None)
    }

    /// A name for a write that no other write has.
    pub(super) fn write_name(&self) -> String {
        let number = self.writes.fetch_add(1, Ordering::Relaxed);
        [self.instance.as_str(), "-", &number.to_string()].concat()
    }

    /// The name of this process's change of the record at `sequence` into `state`.
    pub(super) fn name_of(&self, sequence: u64, state: State) -> String {
        let sequence = sequence.to_string();
        [&self.instance, "-", &sequence, "-", state.as_str()].concat()
    }

    /// Whether this is the first message that is not ours.
    pub(super) fn first_foreign(&self) -> bool {
        !self.foreign_seen.swap(true, Ordering::Relaxed)
    }

    fn lock_queues(&self) -> MutexGuard<'_, HashMap<String, Arc<OnceCell<Arc<QueueState>>>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_listed(&self) -> MutexGuard<'_, Option<(Instant, BTreeSet<String>)>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
