//! [`AccountRoom`]: keeps a part of the account's storage for those who drain.
//!
//! A worker writes before it starts a job and after: in an account that is full to the brim no job could be started, and the
//! queue would never get shorter. So enqueues are refused a little earlier.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::jetstream::account::Account;

use super::connection::Connection;
use crate::backend::{BackendError, BackendErrorKind};
use crate::job::Envelope;

/// How long an answer is good for: others use the account too.
const KNOWN_FOR: Duration = Duration::from_millis(500);

/// The part of the account's storage that is kept for workers: one part of so many.
const RESERVE: u64 = 8;

/// What a job takes beside its payload: the rest of its envelope, headers, and its key.
const JOB_BYTES: usize = 1024;

/// What is known of the account's room.
#[derive(Default)]
pub(super) struct AccountRoom(Mutex<Option<Known>>);

#[derive(Clone, Copy)]
struct Known {
    at: Instant,
    /// How many bytes fit above the reserve; `None` without a limit.
    left: Option<u64>,
}

impl AccountRoom {
    /// Takes room for a batch, or refuses when the account has none but the reserve.
    ///
    /// # Errors
    /// [`Full`](BackendErrorKind::Full), or why the server can't be asked.
    pub(super) async fn take(
        &self,
        connection: &Connection,
        batch: &[Envelope],
    ) -> Result<(), BackendError> {
        let bytes = batch.iter().map(|job| job.payload.len() + JOB_BYTES);
        let bytes = bytes.sum::<usize>() as u64;
        if self.take_known(bytes) {
            return Ok(());
        }
        let left = room(&connection.account().await?);
        let fits = left.is_none_or(|left| bytes <= left);
        *self.lock() = Some(Known {
            at: Instant::now(),
            left: left.map(|left| left.saturating_sub(bytes)),
        });
        if fits {
            return Ok(());
        }
        Err(BackendError::new(
            BackendErrorKind::Full,
            "the NATS account is full but for what workers need: let them drain the queue, or raise its limit",
        ))
    }

    /// Whether the batch surely fits, by what is known. Only a part of what was left is used before it is looked at again,
    /// because others put in jobs too.
    fn take_known(&self, bytes: u64) -> bool {
        let mut known = self.lock();
        let Some(known) = known
            .as_mut()
            .filter(|known| known.at.elapsed() < KNOWN_FOR)
        else {
            return false;
        };
        match &mut known.left {
            None => true,
            Some(left) if bytes.saturating_mul(8) <= *left => {
                *left -= bytes;
                true
            }
            Some(_) => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether little but the reserve is left.
pub(super) fn is_full(account: &Account) -> bool {
    room(account).is_some_and(|left| left < 2 * JOB_BYTES as u64)
}

/// How many bytes fit above the reserve; `None` without a limit.
fn room(account: &Account) -> Option<u64> {
    let limit = account.limits.max_storage?;
    let limit = u64::try_from(limit).ok().filter(|limit| *limit > 0)?;
    Some((limit - limit / RESERVE).saturating_sub(account.storage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_used_in_part_and_for_a_while() {
        let room = AccountRoom::default();
        assert!(!room.take_known(1), "nothing is known");
        *room.lock() = Some(Known {
            at: Instant::now(),
            left: Some(800),
        });
        assert!(room.take_known(100));
        assert!(!room.take_known(100), "700 are left, an eighth is less");
        *room.lock() = Some(Known {
            at: Instant::now(),
            left: None,
        });
        assert!(room.take_known(u64::MAX), "there is no limit");
    }
}
