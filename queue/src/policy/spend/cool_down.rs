//! Cool-downs: after one message of a kind, a recipient gets no other of it for a while.

use crate::backend::{BackendError, Expect, Put, RecordKey, Records, Space};
use crate::clock::Timestamp;
use crate::job::JobId;

/// Where the jobs are that a recipient is cooling down from.
const SPACE: Space = Space::new("cool_down");
/// How often it is looked again when what was in the way ended between two looks.
const LOOKS_MAX: usize = 8;

/// A recipient's cool-down, begun by a job.
pub(super) struct Held {
    key: RecordKey,
    revision: u64,
}

/// What became of a job's claim to a recipient.
pub(super) enum Claim {
    /// The job may go on, and others wait.
    Held(Held),
    /// Another job was there before.
    Cooling {
        /// Until then.
        until: Timestamp,
    },
}

/// Claims the recipient behind `key` for `job` until `until`. A job that claimed it before, in an attempt that was lost or
/// whose outcome nobody knows, has it still.
pub(super) async fn claim(
    records: &dyn Records,
    key: RecordKey,
    job: JobId,
    until: Timestamp,
) -> Result<Claim, BackendError> {
    let value = job.to_string().into_bytes();
    for _ in 0..LOOKS_MAX {
        let put = records.put(
            SPACE,
            key.clone(),
            value.clone(),
            Expect::Absent,
            Some(until),
        );
        if let Put::Stored { revision } = put.await? {
            return Ok(Claim::Held(Held { key, revision }));
        }
        match records.get(SPACE, key.clone()).await? {
            // It ended just now.
            None => {}
            Some(found) if found.value == value => {
                let revision = found.revision;
                return Ok(Claim::Held(Held { key, revision }));
            }
            Some(found) => {
                let until = found.expires_at.unwrap_or(until);
                return Ok(Claim::Cooling { until });
            }
        }
    }
    Ok(Claim::Cooling { until })
}

/// Ends a cool-down at once: nothing was sent.
pub(super) async fn release(
    records: &dyn Records,
    held: Held,
    now: Timestamp,
) -> Result<(), BackendError> {
    // Not removed: by now it may be another job's.
    let expect = Expect::Revision(held.revision);
    records
        .put(SPACE, held.key, Vec::new(), expect, Some(now))
        .await?;
    Ok(())
}
