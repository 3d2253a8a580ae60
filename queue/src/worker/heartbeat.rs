//! [`Heartbeat`]: extends the leases in a worker's hands, every third of the visibility timeout, in one batch.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::Id;

use super::call::{Call, millis};
use super::execute::Cancel;
use super::outage::Outage;
use super::settle::Settler;
use super::table::Table;
use crate::backend::{Backend, BackendError, Lease};

/// A lease is extended this many times in its visibility timeout: two heartbeats may fail before it is lost.
pub const HEARTBEATS_PER_VISIBILITY: u32 = 3;

/// The extensions of leases.
pub(super) struct Heartbeat {
    visibility: Duration,
    asked: Vec<Lease>,
    asked_at: u64,
    pub(super) call: Call<Result<Vec<bool>, BackendError>>,
    outage: Outage,
    due: Option<u64>,
}

impl Heartbeat {
    pub(super) fn new(visibility: Duration, queue: &'static str) -> Self {
        Self {
            visibility,
            asked: Vec::new(),
            asked_at: 0,
            call: Call::none(),
            outage: Outage::none("extend", queue),
            due: None,
        }
    }

    pub(super) fn next_due(&self) -> Option<u64> {
        self.due
    }

    /// Extends everything in hand when it is time. Returns the attempts whose leases ran out meanwhile because the store
    /// does not answer.
    pub(super) fn begin(
        &mut self,
        backend: &Arc<dyn Backend>,
        table: &Table,
        settler: &mut Settler,
        now: u64,
    ) -> Vec<Id> {
        if table.is_idle() {
            self.due = None;
            return Vec::new();
        }
        let period = millis(self.visibility / HEARTBEATS_PER_VISIBILITY);
        let due = *self.due.get_or_insert(now.saturating_add(period));
        if due > now {
            return Vec::new();
        }
        self.due = Some(now.saturating_add(period));
        if self.call.is_outstanding() {
            return run_out(table, now);
        }
        let leases: Vec<Lease> = (table.running())
            .filter(|(_, entry)| entry.cancel != Some(Cancel::LeaseLost))
            .map(|(_, entry)| entry.lease)
            .chain(settler.held().map(|unsettled| unsettled.settlement.lease))
            .collect();
        if leases.is_empty() {
            return Vec::new();
        }
        self.asked.clone_from(&leases);
        self.asked_at = now;
        let (backend, visibility) = (backend.clone(), self.visibility);
        self.call
            .begin(async move { backend.extend(leases, visibility).await });
        Vec::new()
    }

    /// Takes the answer. Returns the attempts whose leases are lost.
    pub(super) fn answered(
        &mut self,
        answer: Result<Vec<bool>, BackendError>,
        table: &Table,
        settler: &mut Settler,
        now: u64,
    ) -> Vec<Id> {
        let answers = match answer {
            Ok(answers) => answers,
            Err(error) => {
                self.outage.failed(&error, now);
                let soon = self.outage.until();
                self.due = self.due.map(|due| due.min(soon));
                return run_out(table, now);
            }
        };
        self.outage.worked();
        let lost: HashSet<Lease> = (self.asked.iter().zip(answers))
            .filter_map(|(&lease, held)| (!held).then_some(lease))
            .collect();
        let asked: HashSet<Lease> = self.asked.drain(..).collect();
        // Counted from the question, not from the answer: the store counted from a moment in between.
        let until = self.asked_at.saturating_add(millis(self.visibility));
        for unsettled in settler.held() {
            // One that is lost may just have been recorded; the answer to its settlement tells.
            let lease = unsettled.settlement.lease;
            if asked.contains(&lease) && !lost.contains(&lease) {
                unsettled.lease_until = until;
            }
        }
        let mut gone = Vec::new();
        for (id, entry) in table.running() {
            if lost.contains(&entry.lease) {
                gone.push(id);
            } else if asked.contains(&entry.lease) {
                entry.attempt.extended(until);
            }
        }
        gone
    }
}

/// The attempts whose lease has ended by the clock.
fn run_out(table: &Table, now: u64) -> Vec<Id> {
    (table.running())
        .filter(|(_, entry)| entry.cancel.is_none() && entry.attempt.lease_until() <= now)
        .map(|(id, _)| id)
        .collect()
}
