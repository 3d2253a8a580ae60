//! [`JetStreamRecords`]: small facts beside the jobs, in a stream of their own that all queues of the account share.
//!
//! | Subject | Holds |
//! | --- | --- |
//! | `queue.record.SPACE.KEY` | a record; when it ends is in a header |
//! | `queue.counter.PERIOD.END.KEY` | how much was charged in a period |
//! | `queue.charge.TOKEN` | what was charged under a token |

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};
use tokio::sync::OnceCell;

use super::api::Stored;
use super::names::{escape, unescape};
use super::outgoing::Outgoing;
use super::refusal::{Refusal, unanswered};
use super::shared::Shared;
use super::{charges, charging};
use crate::backend::{
    BackendError, BackendErrorKind, Charge, Charged, Counter, Expect, Put, RECORD_BYTES_MAX,
    RECORDS_LISTED_MAX, Record, RecordKey, Records, Space,
};
use crate::clock::Timestamp;
use crate::future::BoxFuture;

/// The stream of the records.
pub(super) const STREAM: &str = "QUEUE_RECORDS";
/// When a record ends, in milliseconds since 1970.
const EXPIRES_AT: &str = "Queue-Expires-At";
/// Names the write, so that a writer that lost the answer knows its own record again.
const WRITE: &str = "Queue-Write";
/// How many records are read at once.
pub(super) const AT_ONCE: usize = 64;
/// How often a write that expects nothing in particular is tried anew.
const CONFLICTS_MAX: u32 = 50;

/// The records of a store.
pub(super) struct JetStreamRecords {
    shared: Arc<Shared>,
}

impl JetStreamRecords {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

/// Whether the stream is there, found out once.
#[derive(Default)]
pub(super) struct RecordStream(OnceCell<()>);

impl RecordStream {
    /// Makes the stream when it is missing.
    pub(super) async fn prepare(&self, shared: &Shared) -> Result<(), BackendError> {
        shared.check_open()?;
        self.0
            .get_or_try_init(|| async {
                let config = Config {
                    name: STREAM.to_owned(),
                    subjects: ["record", "counter", "charge"]
                        .map(|part| format!("queue.{part}.>"))
                        .to_vec(),
                    storage: StorageType::File,
                    num_replicas: shared.connection.options.replicas,
                    max_messages_per_subject: 1,
                    max_messages: -1,
                    max_bytes: -1,
                    max_message_size: -1,
                    max_consumers: -1,
                    discard: DiscardPolicy::New,
                    allow_direct: true,
                    allow_message_ttl: true,
                    allow_atomic_publish: true,
                    ..Config::default()
                };
                let stream = (shared.api.context)
                    .get_or_create_stream(config)
                    .await
                    .map_err(unanswered)?;
                let found = &stream.cached_info().config;
                let is_ours = found.max_messages_per_subject == 1
                    && found.allow_message_ttl
                    && found.allow_atomic_publish;
                if is_ours {
                    return Ok(());
                }
                Err(BackendError::new(
                    BackendErrorKind::Conflict,
                    format!("stream {STREAM} is not as the library makes it: rename or change it"),
                ))
            })
            .await
            .copied()
    }
}

fn subject(space: Space, key: &RecordKey) -> String {
    format!("queue.record.{}.{}", space.as_str(), escape(key.as_str()))
}

fn read(stored: &Stored) -> Record {
    let expires_at = (stored.headers.get(EXPIRES_AT))
        .and_then(|value| value.as_str().parse().ok())
        .map(Timestamp::from_millis);
    Record {
        value: stored.payload.clone(),
        revision: stored.sequence,
        expires_at,
    }
}

async fn get(
    shared: &Shared,
    space: Space,
    key: &RecordKey,
) -> Result<Option<Record>, BackendError> {
    shared.record_stream.prepare(shared).await?;
    let stored = shared.api.last(STREAM, &subject(space, key)).await?;
    Ok(stored.map(|stored| read(&stored)))
}

async fn put(
    shared: &Shared,
    space: Space,
    key: &RecordKey,
    value: Vec<u8>,
    expect: Expect,
    expires_at: Option<Timestamp>,
) -> Result<Put, BackendError> {
    if value.len() > RECORD_BYTES_MAX {
        return Err(BackendError::new(
            BackendErrorKind::RecordTooLarge,
            format!(
                "{} bytes in one record, at most {RECORD_BYTES_MAX} are allowed",
                value.len()
            ),
        ));
    }
    shared.record_stream.prepare(shared).await?;
    let write = shared.write_name();
    let mut message = Outgoing::new(subject(space, key), value).with(WRITE, write.as_str());
    if let Some(at) = expires_at {
        let rest = at.since(shared.clock.now());
        message = message
            .with(EXPIRES_AT, at.as_millis().to_string())
            // Who reads decides by the clock; the server only clears away, a little later.
            .ttl(rest.saturating_add(Duration::from_secs(60)));
    }
    for _ in 0..CONFLICTS_MAX {
        let found = get(shared, space, key).await?;
        let sequence = found.as_ref().map_or(0, |found| found.revision);
        let now = shared.clock.now();
        let live = found.filter(|found| !found.is_expired(now));
        let is_expected = match expect {
            Expect::Any => true,
            Expect::Absent => live.is_none(),
            Expect::Revision(revision) => live.is_some_and(|live| live.revision == revision),
        };
        if !is_expected {
            return Ok(Put::Conflict);
        }
        match shared.api.publish(message.clone().expect(sequence)).await {
            Ok(revision) => {
                return Ok(Put::Stored { revision });
            }
            Err(Refusal::Conflict) => {
                let stored = shared.api.last(STREAM, &message.subject).await?;
                let ours = stored.filter(|stored| {
                    (stored.headers.get(WRITE)).is_some_and(|name| name.as_str() == write)
                });
                if let Some(ours) = ours {
                    return Ok(Put::Stored {
                        revision: ours.sequence,
                    });
                }
            }
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Err(Refusal::Conflict.into())
}

async fn remove(shared: &Shared, space: Space, key: &RecordKey) -> Result<bool, BackendError> {
    for _ in 0..CONFLICTS_MAX {
        let Some(found) = get(shared, space, key).await? else {
            return Ok(false);
        };
        let was_live = !found.is_expired(shared.clock.now());
        if shared.api.delete(STREAM, found.revision).await? {
            return Ok(was_live);
        }
    }
    Err(Refusal::Conflict.into())
}

async fn list(
    shared: &Shared,
    space: Space,
    after: Option<RecordKey>,
    limit: usize,
) -> Result<Vec<(RecordKey, Record)>, BackendError> {
    shared.record_stream.prepare(shared).await?;
    let limit = limit.clamp(1, RECORDS_LISTED_MAX);
    let filter = format!("queue.record.{}.*", space.as_str());
    let subjects = shared.api.subjects(STREAM, &filter).await?;
    let mut keys: Vec<RecordKey> = (subjects.iter())
        .filter_map(|subject| unescape(subject.rsplit('.').next()?))
        .filter_map(|key| RecordKey::new(key).ok())
        .filter(|key| after.as_ref().is_none_or(|after| key > after))
        .collect();
    keys.sort_unstable();
    let now = shared.clock.now();
    let mut listed = Vec::new();
    for keys in keys.chunks(AT_ONCE) {
        let subjects: Vec<String> = keys.iter().map(|key| subject(space, key)).collect();
        let found = shared.api.last_of_each(STREAM, &subjects).await?;
        for (key, stored) in keys.iter().zip(found) {
            let live = stored
                .map(|stored| read(&stored))
                .filter(|record| !record.is_expired(now));
            if let Some(record) = live {
                listed.push((key.clone(), record));
            }
            if listed.len() == limit {
                return Ok(listed);
            }
        }
    }
    Ok(listed)
}

impl Records for JetStreamRecords {
    fn get(
        &self,
        space: Space,
        key: RecordKey,
    ) -> BoxFuture<'_, Result<Option<Record>, BackendError>> {
        Box::pin(async move {
            let now = self.shared.clock.now();
            let found = get(&self.shared, space, &key).await?;
            Ok(found.filter(|record| !record.is_expired(now)))
        })
    }

    fn put(
        &self,
        space: Space,
        key: RecordKey,
        value: Vec<u8>,
        expect: Expect,
        expires_at: Option<Timestamp>,
    ) -> BoxFuture<'_, Result<Put, BackendError>> {
        Box::pin(async move { put(&self.shared, space, &key, value, expect, expires_at).await })
    }

    fn remove(&self, space: Space, key: RecordKey) -> BoxFuture<'_, Result<bool, BackendError>> {
        Box::pin(async move { remove(&self.shared, space, &key).await })
    }

    fn list(
        &self,
        space: Space,
        after: Option<RecordKey>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(RecordKey, Record)>, BackendError>> {
        Box::pin(async move { list(&self.shared, space, after, limit).await })
    }

    fn charge(&self, charge: Charge) -> BoxFuture<'_, Result<Charged, BackendError>> {
        Box::pin(async move { charging::charge(&self.shared, charge).await })
    }

    fn refund(&self, token: RecordKey) -> BoxFuture<'_, Result<bool, BackendError>> {
        Box::pin(async move { charging::refund(&self.shared, token).await })
    }

    fn counted(&self, counter: Counter) -> BoxFuture<'_, Result<u64, BackendError>> {
        Box::pin(async move { charges::counted(&self.shared, &counter).await })
    }

    fn counters(
        &self,
        prefix: Counter,
        after: Option<RecordKey>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(RecordKey, u64)>, BackendError>> {
        Box::pin(
            async move { charges::counters(&self.shared, &prefix, after.as_ref(), limit).await },
        )
    }
}
