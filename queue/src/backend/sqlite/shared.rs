//! What the writer thread and the callers share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, Semaphore, broadcast};

use super::options::{EVENTS_HELD_MAX, WAITING_JOBS_MAX};
use super::txn::Announcement;
use crate::backend::{Event, Retention};
use crate::clock::Clock;

pub(super) struct Shared {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) retention: Retention,
    /// This incarnation's number, written with each lease.
    pub(super) worker: i64,
    /// How many lease calls wait for work right now.
    pub(super) waiting_workers: AtomicUsize,
    /// A worker has asked for jobs.
    worked: AtomicBool,
    /// A write or a sync failed: nothing is acknowledged any more.
    poisoned: AtomicBool,
    /// Bounds the jobs that wait in memory for the writer.
    pub(super) room: Semaphore,
    events: Mutex<Option<broadcast::Sender<Event>>>,
    doors: Mutex<HashMap<String, Arc<Notify>>>,
}

impl Shared {
    pub(super) fn new(clock: Arc<dyn Clock>, retention: Retention, worker: i64) -> Self {
        Self {
            clock,
            retention,
            worker,
            waiting_workers: AtomicUsize::new(0),
            worked: AtomicBool::new(false),
            poisoned: AtomicBool::new(false),
            room: Semaphore::new(WAITING_JOBS_MAX),
            events: Mutex::new(Some(broadcast::Sender::new(EVENTS_HELD_MAX))),
            doors: Mutex::default(),
        }
    }

    /// Where the workers of `queue` wait.
    pub(super) fn door(&self, queue: &str) -> Arc<Notify> {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(door) = doors.get(queue) {
            return door.clone();
        }
        doors.entry(queue.to_owned()).or_default().clone()
    }

    /// Whether a worker has asked for jobs.
    pub(super) fn is_worked(&self) -> bool {
        self.worked.load(Ordering::Acquire)
    }

    /// Whether nothing may be acknowledged any more.
    pub(super) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    /// From now on nothing is acknowledged.
    pub(super) fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
    }

    /// A worker asks for jobs.
    pub(super) fn work(&self) {
        self.worked.store(true, Ordering::Release);
    }

    /// A durable transaction: tell the observers, and the waiting workers of each queue that got work. All of them: there
    /// is seldom more than one in a process, and a single one may have no room in the lane that got it. A worker listens
    /// before it looks, so none misses it.
    pub(super) fn announce(&self, announcement: Announcement) {
        if !announcement.events.is_empty() {
            let sender = self
                .events
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            if let Some(sender) = sender {
                for event in announcement.events {
                    let _ = sender.send(event);
                }
            }
        }
        for queue in announcement.woken {
            self.door(&queue).notify_waiters();
        }
    }

    /// Something happened that this process did not do itself.
    pub(super) fn wake_all(&self) {
        for door in self
            .doors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
        {
            door.notify_waiters();
        }
    }

    pub(super) fn is_observed(&self) -> bool {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events
            .as_ref()
            .is_some_and(|sender| sender.receiver_count() > 0)
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Event> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        match events.as_ref() {
            Some(sender) => sender.subscribe(),
            // Closed: a receiver whose sender is gone ends at once.
            None => broadcast::Sender::new(1).subscribe(),
        }
    }

    /// No more events: observers see the end of their stream, waiting workers look again and find the store closed.
    pub(super) fn close(&self) {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.wake_all();
    }
}
