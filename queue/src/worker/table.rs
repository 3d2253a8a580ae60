//! [`Table`]: the attempts in a worker's hands, from their lease until their outcome is recorded.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::task::{AbortHandle, Id};
use tracing::Span;

use super::capacity::{self, Free};
use super::decide::Policy;
use super::execute::{Attempt, Cancel};
use crate::backend::Lease;
use crate::job::Priority;

/// The attempts whose tasks run, and the count of all in hand.
pub(super) struct Table {
    concurrency: usize,
    in_hand: [usize; 4],
    running: HashMap<Id, Entry>,
    due: BTreeMap<(u64, u64), Id>,
    sequence: u64,
}

/// One attempt whose task runs.
pub(super) struct Entry {
    pub(super) attempt: Arc<Attempt>,
    pub(super) lease: Lease,
    pub(super) priority: Priority,
    pub(super) policy: Policy,
    pub(super) span: Span,
    pub(super) cancel: Option<Cancel>,
    task: AbortHandle,
    due: (u64, u64),
}

/// What a new attempt is.
pub(super) struct Started {
    pub(super) attempt: Arc<Attempt>,
    pub(super) lease: Lease,
    pub(super) priority: Priority,
    pub(super) policy: Policy,
    pub(super) span: Span,
    pub(super) task: AbortHandle,
    /// When its time is over.
    pub(super) due: u64,
}

impl Table {
    pub(super) fn new(concurrency: usize) -> Self {
        Self {
            concurrency,
            in_hand: [0; 4],
            running: HashMap::new(),
            due: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// Takes capacity for a job.
    pub(super) fn take(&mut self, priority: Priority) {
        self.in_hand[priority.index()] += 1;
    }

    /// Gives capacity back: the outcome is recorded, or somebody else's concern.
    pub(super) fn give_back(&mut self, priority: Priority) {
        let count = &mut self.in_hand[priority.index()];
        *count = count.saturating_sub(1);
    }

    pub(super) fn free(&self) -> Free {
        capacity::free(self.concurrency, self.in_hand)
    }

    /// Nothing runs and nothing waits to be recorded.
    pub(super) fn is_idle(&self) -> bool {
        self.in_hand == [0; 4]
    }

    pub(super) fn start(&mut self, started: Started) {
        self.sequence += 1;
        let id = started.task.id();
        let due = (started.due, self.sequence);
        self.due.insert(due, id);
        let entry = Entry {
            attempt: started.attempt,
            lease: started.lease,
            priority: started.priority,
            policy: started.policy,
            span: started.span,
            cancel: None,
            task: started.task,
            due,
        };
        self.running.insert(id, entry);
    }

    /// Takes out an attempt whose task is over, or is given up.
    pub(super) fn remove(&mut self, id: Id) -> Option<Entry> {
        let entry = self.running.remove(&id)?;
        self.due.remove(&entry.due);
        Some(entry)
    }

    pub(super) fn running(&self) -> impl Iterator<Item = (Id, &Entry)> {
        self.running.iter().map(|(&id, entry)| (id, entry))
    }

    /// Cancels an attempt; when its task has not ended at `give_up`, it is due again.
    pub(super) fn cancel(&mut self, id: Id, cancel: Cancel, give_up: u64) {
        let Some(entry) = self.running.get_mut(&id) else {
            return;
        };
        entry.cancel = Some(cancel);
        entry.task.abort();
        self.due.remove(&entry.due);
        entry.due.0 = give_up;
        self.due.insert(entry.due, id);
    }

    /// The next moment at which [`pop_due`](Self::pop_due) has something.
    pub(super) fn next_due(&self) -> Option<u64> {
        self.due.first_key_value().map(|(&(at, _), _)| at)
    }

    /// An attempt whose time is over at `now`, and why it was cancelled already.
    pub(super) fn due(&self, now: u64) -> Option<(Id, Option<Cancel>)> {
        let (&(at, _), &id) = self.due.first_key_value()?;
        if at > now {
            return None;
        }
        Some((id, self.running.get(&id)?.cancel))
    }
}
