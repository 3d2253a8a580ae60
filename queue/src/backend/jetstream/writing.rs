//! [`Writing`]: records on their way, each on the place of the one it follows.

use std::time::Duration;

use super::names::Names;
use super::outgoing::Outgoing;
use super::publish::Publishing;
use super::record::Record;
use super::refusal::{Refusal, closed};
use super::shared::Shared;
use crate::backend::BackendError;
use crate::job::{JobId, State};

/// The longest wait that a cancelled job's record outlasts: a hundred years, which the server can still count.
const WAITS_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Records on their way. Each is sent when it is given, so that the server works while the next one is made.
pub(super) struct Writing<'a> {
    shared: &'a Shared,
    names: &'a Names,
    publishing: Publishing<'a>,
    /// Why a record could not be sent; one entry for each.
    unencoded: Vec<Option<BackendError>>,
}

impl<'a> Writing<'a> {
    pub(super) fn new(shared: &'a Shared, names: &'a Names) -> Self {
        Self {
            shared,
            names,
            publishing: shared.api.publishing(),
            unencoded: Vec::new(),
        }
    }

    /// Sends a record, to be stored if the last one of its job is at `expected`. It is given a name of the write when it has
    /// none.
    pub(super) async fn write(&mut self, record: &mut Record, expected: u64) {
        if record.write.is_empty() {
            record.write = self.shared.write_name();
        }
        let body = match record.encode() {
            Ok(body) => body,
            Err(error) => return self.unencoded.push(Some(error)),
        };
        let retention = &self.shared.retention;
        let message = Outgoing::new(self.names.status(record.id), body);
        let message = match record.state {
            State::Completed | State::Expired => message.ttl(retention.completed_age),
            // It outlasts the message that it keeps from starting, should that be left behind.
            State::Cancelled => {
                let waits = record.due_at.since(self.shared.clock.now());
                message.ttl(retention.completed_age.saturating_add(waits.min(WAITS_MAX)))
            }
            State::Dead | State::Unknown => message.ttl(retention.dead_age),
            State::Scheduled
            | State::Ready
            | State::Running
            | State::Retrying
            | State::Snoozed
            | State::Parked => message.kept(),
        };
        self.publishing.send(message.expect(expected)).await;
        self.unencoded.push(None);
    }

    /// The places of `records`, which are those that were given, in their order; none for one that somebody else was before.
    /// `beside` is sent with them, and what became of it is nobody's business.
    pub(super) async fn places<'r>(
        mut self,
        records: impl Iterator<Item = &'r Record>,
        beside: Vec<Outgoing>,
    ) -> Vec<Result<Option<u64>, BackendError>> {
        for message in beside {
            self.publishing.send(message).await;
        }
        let mut places = Vec::with_capacity(self.unencoded.len());
        let mut answers = self.publishing.answers().await.into_iter();
        for (record, unencoded) in records.zip(self.unencoded) {
            if let Some(error) = unencoded {
                places.push(Err(error));
                continue;
            }
            places.push(match answers.next() {
                Some(Ok(sequence)) => Ok(Some(sequence)),
                // Perhaps it is our own, whose answer was lost.
                Some(Err(Refusal::Conflict)) => {
                    let stored = self::record(self.shared, self.names, record.id).await;
                    stored.map(|stored| {
                        stored
                            .filter(|(stored, _)| stored.write == record.write)
                            .map(|(_, sequence)| sequence)
                    })
                }
                Some(Err(refusal)) => Err(refusal.into()),
                None => Err(closed()),
            });
        }
        places
    }
}

/// Writes records on the places of those they follow, and `beside` with them. Answers the place of each new record; none when
/// somebody else was first.
pub(super) async fn write_all(
    shared: &Shared,
    names: &Names,
    writes: &mut [(&mut Record, u64)],
    beside: Vec<Outgoing>,
) -> Vec<Result<Option<u64>, BackendError>> {
    let mut writing = Writing::new(shared, names);
    for (record, expected) in writes.iter_mut() {
        writing.write(record, *expected).await;
    }
    let records = writes.iter().map(|(record, _)| &**record);
    writing.places(records, beside).await
}

/// The record of a job, and its place.
pub(super) async fn record(
    shared: &Shared,
    names: &Names,
    job: JobId,
) -> Result<Option<(Record, u64)>, BackendError> {
    match shared.api.last(&names.events, &names.status(job)).await? {
        // A deletion left a mark there.
        Some(stored) if stored.payload.is_empty() => Ok(None),
        Some(stored) => Ok(Some((Record::decode(&stored.payload)?, stored.sequence))),
        None => Ok(None),
    }
}
