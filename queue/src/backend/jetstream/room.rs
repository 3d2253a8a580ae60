//! [`Room`]: whether the queue may grow. The server can't refuse by itself: a stream with schedules has to discard its oldest
//! messages when it is full (ADR-51), which are jobs; so it has no limit there, and this side refuses.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::anchor;
use super::api::Api;
use super::names::Names;
use crate::backend::{BackendError, BackendErrorKind};

/// How old the knowledge of the stream's size may be. Other processes' jobs of this time are seen late, so a queue may grow
/// over its limit by as much as they enqueue meanwhile.
const KNOWN_FOR: Duration = Duration::from_millis(250);

/// The size of a queue and its limits.
pub(super) struct Room {
    messages_max: u64,
    bytes_max: u64,
    known: Mutex<Known>,
}

#[derive(Clone, Copy)]
struct Known {
    messages: u64,
    bytes: u64,
    at: Option<Instant>,
}

impl Room {
    /// At most so many messages and bytes; `u64::MAX` for no limit.
    pub(super) fn new(messages_max: u64, bytes_max: u64) -> Self {
        Self {
            messages_max,
            bytes_max,
            known: Mutex::new(Known {
                messages: 0,
                bytes: 0,
                at: None,
            }),
        }
    }

    /// Lets `jobs` in.
    ///
    /// # Errors
    /// `Full` when there is no room for them.
    pub(super) async fn take(
        &self,
        api: &Api,
        names: &Names,
        jobs: usize,
    ) -> Result<(), BackendError> {
        if self.messages_max == u64::MAX && self.bytes_max == u64::MAX {
            return Ok(());
        }
        let stale = {
            let mut known = self.lock();
            let stale = known.at.is_none_or(|at| at.elapsed() > KNOWN_FOR);
            if stale {
                // One caller asks, the others go on with what is known.
                known.at = Some(Instant::now());
            }
            stale
        };
        if stale {
            let (messages, bytes) = match api.size(&names.work).await {
                Ok(size) => size,
                Err(error) => {
                    self.lock().at = None;
                    return Err(error);
                }
            };
            let mut known = self.lock();
            known.messages = anchor::others(messages);
            known.bytes = bytes;
        }
        let mut known = self.lock();
        if known.messages.saturating_add(jobs as u64) > self.messages_max
            || known.bytes >= self.bytes_max
        {
            return Err(BackendError::new(
                BackendErrorKind::Full,
                format!(
                    "queue `{}` is full: {} messages of {}, {} bytes of {}; it is taken again when workers made room",
                    names.queue, known.messages, self.messages_max, known.bytes, self.bytes_max
                ),
            ));
        }
        known.messages += jobs as u64;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
