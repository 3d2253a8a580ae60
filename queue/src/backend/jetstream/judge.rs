//! What to do with a work message, from what the job's record says. Pure.
//!
//! A step that touches several streams can be interrupted between two of them. The record is written first, so whoever gets
//! the left-over message reads here how the step ends.

use super::record::Record;
use crate::clock::Timestamp;
use crate::job::State;

/// What a work message says of itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    /// Its place in the work stream.
    pub(super) slot: u64,
    /// Which of the job's messages it is.
    pub(super) epoch: u32,
    /// We held it while somebody else wrote the job's record.
    pub(super) is_contested: bool,
}

/// What becomes of a work message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The job may start.
    Start,
    /// It was started, and its lease ended without an outcome.
    Lost,
    /// We held the message for so long that the server gave it to another worker too, whose attempt it is now: leave it alone.
    Taken,
    /// It runs from another message; if that one is gone, this one takes its place.
    RunsElsewhere {
        /// The other message.
        slot: u64,
    },
    /// The job is over: finish what its end may have left undone, and drop the message.
    Over,
    /// It is set aside: drop the message, the body is kept elsewhere.
    Aside,
    /// It waits under a newer message, which may not have been stored: store it again, drop this one.
    Outdated,
    /// A newer message carries the job: drop this one.
    Superseded,
    /// It came too early: the server's clock is ahead of ours.
    Early {
        /// When it may start.
        due_at: Timestamp,
    },
}

pub(super) fn judge(arrived: Arrived, record: Option<&Record>, now: Timestamp) -> Verdict {
    let Some(record) = record else {
        // Nothing happened to it yet; or its record was lost, and then a second time is better than never.
        return Verdict::Start;
    };
    if arrived.epoch > record.epoch {
        // A requeue stores the message first; its record comes after, or now.
        return match record.state {
            State::Running => Verdict::RunsElsewhere { slot: record.slot },
            State::Completed | State::Expired | State::Cancelled => Verdict::Over,
            State::Scheduled
            | State::Ready
            | State::Retrying
            | State::Snoozed
            | State::Dead
            | State::Unknown
            | State::Parked => Verdict::Start,
        };
    }
    if arrived.epoch < record.epoch {
        return if record.state.is_waiting() {
            Verdict::Outdated
        } else if record.state.is_terminal() {
            Verdict::Over
        } else {
            Verdict::Superseded
        };
    }
    match record.state {
        State::Running if record.slot == arrived.slot && arrived.is_contested => Verdict::Taken,
        State::Running if record.slot == arrived.slot => Verdict::Lost,
        State::Running => Verdict::RunsElsewhere { slot: record.slot },
        State::Completed | State::Dead | State::Expired | State::Cancelled | State::Unknown => {
            Verdict::Over
        }
        State::Parked => Verdict::Aside,
        State::Scheduled | State::Ready | State::Retrying | State::Snoozed => {
            let is_expired = record.deadline.is_some_and(|deadline| deadline <= now);
            if record.due_at > now && !is_expired {
                Verdict::Early {
                    due_at: record.due_at,
                }
            } else {
                Verdict::Start
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Envelope, Kind};

    #[test]
    fn a_job_that_runs_from_the_same_message_is_lost_unless_we_were_too_late() {
        let now = Timestamp::from_millis(1_000);
        let envelope = Envelope::new("sms", Kind::from_static("ping"), 1, b"{}".to_vec(), now);
        let running = Record::of(&envelope).started(7, now);
        let judged = |slot, is_contested| {
            let arrived = Arrived {
                slot,
                epoch: 0,
                is_contested,
            };
            judge(arrived, Some(&running), now)
        };
        // The server gives a message again when nobody said that its job is in progress.
        assert_eq!(judged(7, false), Verdict::Lost);
        assert_eq!(judged(7, true), Verdict::Taken);
        assert_eq!(judged(8, true), Verdict::RunsElsewhere { slot: 7 });
    }
}
