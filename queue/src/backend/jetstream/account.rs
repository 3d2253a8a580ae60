//! [`AccountRoom`]: keeps a part of the account's storage for those who drain.
//!
//! A worker writes before it starts a job and after: in an account that is full to the brim no job could be started, and the
//! queue would never get shorter. So enqueues are refused a little earlier.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::jetstream::account::Account;

use super::connect::Connection;
use crate::backend::{BackendError, BackendErrorKind};

/// How long an answer is good for.
const KNOWN_FOR: Duration = Duration::from_millis(500);

/// The part of the account's storage that is kept for workers: one part of so many.
const RESERVE: u64 = 8;

/// What is known of the account's room.
#[derive(Default)]
pub(super) struct AccountRoom(Mutex<Option<(Instant, bool)>>);

impl AccountRoom {
    /// Refuses when the account has no room but the reserve.
    ///
    /// # Errors
    /// [`Full`](BackendErrorKind::Full), or why the server can't be asked.
    pub(super) async fn check(&self, connection: &Connection) -> Result<(), BackendError> {
        let known = *self.lock();
        let is_full = match known {
            Some((at, is_full)) if at.elapsed() < KNOWN_FOR => is_full,
            _ => {
                // One caller asks, the others go on with what is known.
                let before = known.is_some_and(|(_, is_full)| is_full);
                *self.lock() = Some((Instant::now(), before));
                let is_full = is_full(&connection.account().await?);
                *self.lock() = Some((Instant::now(), is_full));
                is_full
            }
        };
        if !is_full {
            return Ok(());
        }
        Err(BackendError::new(
            BackendErrorKind::Full,
            "the NATS account is full but for what workers need: let them drain the queue, or raise its limit",
        ))
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Instant, bool)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nothing but the reserve is left.
pub(super) fn is_full(account: &Account) -> bool {
    let limit = account.limits.max_storage;
    let limit = limit.and_then(|limit| u64::try_from(limit).ok());
    limit.is_some_and(|limit| limit > 0 && account.storage > limit - limit / RESERVE)
}
