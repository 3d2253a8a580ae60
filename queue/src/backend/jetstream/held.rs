//! [`Held`]: the leases in this process's hands. The record's fence decides who may settle; what is here makes `extend`
//! honest: a lease is held for as long as the server surely keeps its message from others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::Subject;

use super::queue::QueueState;
use super::record::Record;
use crate::backend::Lease;
use crate::job::{Envelope, JobId};

/// One lease.
#[derive(Clone)]
pub(super) struct Hold {
    pub(super) queue: Arc<QueueState>,
    pub(super) envelope: Arc<Envelope>,
    pub(super) record: Arc<Record>,
    /// The record's place in its stream.
    pub(super) fence: u64,
    /// Where to answer the message.
    pub(super) reply: Option<Subject>,
    /// On the machine's monotonic clock: what the worker was promised.
    pub(super) lease_until: u64,
    /// On the same clock: until when the server gives the message to nobody else.
    pub(super) kept_until: u64,
}

/// All leases of this process.
#[derive(Default)]
pub(super) struct Held {
    holds: Mutex<HashMap<JobId, Hold>>,
}

impl Held {
    pub(super) fn insert(&self, hold: Hold) {
        self.lock().insert(hold.envelope.id, hold);
    }

    /// The hold behind `lease`, whether or not its time is over.
    pub(super) fn get(&self, lease: &Lease) -> Option<Hold> {
        self.lock()
            .get(&lease.job)
            .filter(|hold| hold.fence == lease.fence)
            .cloned()
    }

    /// The hold behind `lease` if its time is not over at `uptime`.
    pub(super) fn live(&self, lease: &Lease, uptime: u64) -> Option<Hold> {
        self.get(lease)
            .filter(|hold| hold.lease_until.min(hold.kept_until) > uptime)
    }

    pub(super) fn remove(&self, lease: &Lease) {
        let mut holds = self.lock();
        if holds
            .get(&lease.job)
            .is_some_and(|hold| hold.fence == lease.fence)
        {
            holds.remove(&lease.job);
        }
    }

    /// The server heard that the job is in progress.
    pub(super) fn kept(&self, lease: &Lease, lease_until: Option<u64>, kept_until: u64) {
        if let Some(hold) = self
            .lock()
            .get_mut(&lease.job)
            .filter(|hold| hold.fence == lease.fence)
        {
            hold.kept_until = hold.kept_until.max(kept_until);
            hold.lease_until = lease_until.unwrap_or(hold.lease_until);
        }
    }

    /// The leases that were promised for longer than the server keeps their message by itself, and forgets those that are
    /// long over.
    pub(super) fn outlasting(&self, uptime: u64, forget_ms: u64) -> Vec<(Lease, Hold)> {
        let mut holds = self.lock();
        holds.retain(|_, hold| hold.lease_until.saturating_add(forget_ms) > uptime);
        (holds.values())
            .filter(|hold| hold.lease_until > hold.kept_until && hold.kept_until > uptime)
            .map(|hold| {
                let lease = Lease {
                    job: hold.envelope.id,
                    fence: hold.fence,
                    slot: hold.record.slot,
                };
                (lease, hold.clone())
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Hold>> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
