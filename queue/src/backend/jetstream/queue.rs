//! [`QueueState`]: what a process keeps of one queue.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::names::Names;
use super::pull::Puller;
use super::room::Room;
use super::shared::Shared;
use crate::backend::BackendError;

pub(super) struct QueueState {
    pub(super) names: Names,
    pub(super) room: Room,
    /// How long the server keeps a message from others without hearing of it.
    pub(super) ack_wait: Duration,
    /// Until when the shared rate lets nothing start, as far as this process knows.
    pub(super) rate_blocked: Mutex<Option<Instant>>,
    puller: OnceCell<Puller>,
}

impl QueueState {
    pub(super) fn new(names: Names, room: Room, ack_wait: Duration) -> Self {
        Self {
            names,
            room,
            ack_wait,
            rate_blocked: Mutex::new(None),
            puller: OnceCell::new(),
        }
    }

    /// The pull task, started by the first lease.
    pub(super) async fn puller(&self, shared: &Shared) -> Result<&Puller, BackendError> {
        self.puller
            .get_or_try_init(|| {
                let suspicion = shared.connection.wake();
                Puller::start(shared.api.context.clone(), &self.names, suspicion)
            })
            .await
    }
}
