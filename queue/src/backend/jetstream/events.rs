//! [`Events`]: what this handle's jobs did, for those who listen.

use std::sync::{Mutex, PoisonError};

use tokio::sync::broadcast;

use crate::backend::Event;

/// How many events a slow observer may be behind before it loses some.
pub(super) const EVENTS_HELD_MAX: usize = 16 * 1024;

pub(super) struct Events(Mutex<Option<broadcast::Sender<Event>>>);

impl Events {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Some(broadcast::Sender::new(EVENTS_HELD_MAX))))
    }

    pub(super) fn is_observed(&self) -> bool {
        self.sender()
            .is_some_and(|sender| sender.receiver_count() > 0)
    }

    pub(super) fn send(&self, events: impl IntoIterator<Item = Event>) {
        let Some(sender) = self.sender() else {
            return;
        };
        if sender.receiver_count() == 0 {
            return;
        }
        for event in events {
            // An error means that the last observer went away.
            let _ = sender.send(event);
        }
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Event> {
        match self.sender() {
            Some(sender) => sender.subscribe(),
            // Closed: a receiver whose sender is gone ends at once.
            None => broadcast::Sender::new(1).subscribe(),
        }
    }

    /// No more events: observers see the end of their stream.
    pub(super) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn sender(&self) -> Option<broadcast::Sender<Event>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
