//! [`Change`]: what may become of a job, and [`Next`]: what has to be written for it, in the order that survives a crash.
//! Pure.

use super::keys;
use super::message::{self, Carried};
use super::names::Names;
use super::outgoing::Outgoing;
use super::record::Record;
use crate::backend::{BackendError, Disposition, EventKind, Retention};
use crate::clock::Timestamp;
use crate::job::{Envelope, State, UnknownPolicy};
use crate::provider::Receipt;
use crate::retry::Backoff;

/// What becomes of a job.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// It is over.
    Finish {
        state: State,
        reason: Option<String>,
        receipt: Option<Receipt>,
    },
    /// It waits for `at`.
    Postpone {
        state: State,
        at: Timestamp,
        reason: String,
    },
    /// It is set aside until a program can decode it.
    Park { reason: String, adoptable: bool },
    /// It is ready again at once, by the same message.
    Release,
}

/// How the message that brought the job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is not needed any more.
    Drop,
    /// It is to be given to somebody else.
    GiveBack,
}

/// What has to be written for a change: first `before`, then the record, then `after`, then the message ends. Whoever finds
/// the message left over knows from the record how far it got.
pub(super) struct Next {
    pub(super) record: Record,
    pub(super) before: Option<Outgoing>,
    pub(super) after: Vec<Outgoing>,
    pub(super) ending: Ending,
    pub(super) event: Option<EventKind>,
}

/// The change that an attempt's outcome asks for, and the record it starts from.
pub(super) fn of_disposition(
    running: &Record,
    disposition: &Disposition,
    now: Timestamp,
) -> (Record, Change) {
    match disposition {
        Disposition::Complete(receipt) => (
            running.clone(),
            Change::Finish {
                state: State::Completed,
                reason: None,
                receipt: receipt.clone(),
            },
        ),
        Disposition::Retry {
            at,
            reason,
            in_doubt,
        } => {
            let mut record = running.clone();
            if *in_doubt {
                record.put_in_doubt(now);
            }
            let change = Change::Postpone {
                state: State::Retrying,
                at: *at,
                reason: reason.clone(),
            };
            (record, change)
        }
        Disposition::Snooze { at, reason } => (
            running.uncharged(),
            Change::Postpone {
                state: State::Snoozed,
                at: *at,
                reason: reason.clone(),
            },
        ),
        Disposition::Dead { reason } => (running.clone(), ended(State::Dead, Some(reason))),
        Disposition::Expired => (running.clone(), expired(running)),
        Disposition::Unknown { reason } => {
            let mut record = running.clone();
            record.put_in_doubt(now);
            (record, ended(State::Unknown, Some(reason)))
        }
        Disposition::Park { reason, adoptable } => (
            running.uncharged(),
            Change::Park {
                reason: reason.clone(),
                adoptable: *adoptable,
            },
        ),
        Disposition::Release => {
            let mut record = running.uncharged();
            record.due_at = now;
            (record, Change::Release)
        }
    }
}

/// The change for a job whose deadline passed. Expired means surely never sent; a job in doubt ends unknown.
pub(super) fn expired(record: &Record) -> Change {
    if record.doubt.is_some() {
        let reason = "the deadline passed, and an earlier attempt may have been sent";
        return ended(State::Unknown, Some(reason));
    }
    ended(State::Expired, Some("the deadline passed"))
}

/// The change for a job that is cancelled. Cancelled means never sent; a job in doubt ends unknown.
pub(super) fn cancelled(record: &Record) -> Change {
    if record.doubt.is_some() {
        let reason = "cancelled, and an earlier attempt may have been sent";
        return ended(State::Unknown, Some(reason));
    }
    ended(State::Cancelled, None)
}

/// The change for a job that was started and whose outcome nobody recorded. The attempt counts: it was started. Whether it
/// had its effect is unknown, so the kind's policy decides. `random` in 0..1 moves the backoff.
pub(super) fn recovered(lost: &Record, now: Timestamp, random: f64) -> (Record, Change) {
    const CAUSE: &str = "its worker lost the lease";
    let mut record = lost.clone();
    let attempt = record.attempt;
    record.put_in_doubt(now);
    if record.unknown == UnknownPolicy::Stop {
        let change = ended(State::Unknown, Some(CAUSE));
        return (record, change);
    }
    if attempt >= record.max_attempts {
        // A job that kills its workers ends here. Where nothing is sent twice without asking, it may not end as what anybody
        // requeues without a thought.
        let state = match record.unknown {
            UnknownPolicy::Retry => State::Dead,
            UnknownPolicy::Stop | UnknownPolicy::Ask => State::Unknown,
        };
        let reason = format!(
            "{CAUSE} during attempt {attempt} of {}",
            record.max_attempts
        );
        return (record, ended(state, Some(&reason)));
    }
    if record.deadline.is_some_and(|deadline| deadline <= now) {
        let change = expired(&record);
        return (record, change);
    }
    // As after any failed attempt: a process that dies again and again must not use up the attempts of all that it runs
    // within a second.
    let at = now.saturating_add(Backoff::default().delay(attempt, random));
    let change = Change::Postpone {
        state: State::Retrying,
        at,
        reason: CAUSE.to_owned(),
    };
    (record, change)
}

fn ended(state: State, reason: Option<&str>) -> Change {
    Change::Finish {
        state,
        reason: reason.map(str::to_owned),
        receipt: None,
    }
}

/// What has to be written for `change` of a job that is as `from` says.
pub(super) fn next(
    names: &Names,
    envelope: &Envelope,
    from: Record,
    change: Change,
    retention: &Retention,
    now: Timestamp,
) -> Result<Next, BackendError> {
    let mut record = from;
    record.slot = 0;
    record.write.clear();
    let (mut before, mut after) = (None, Vec::new());
    let (ending, event) = match change {
        Change::Finish {
            state,
            reason,
            receipt,
        } => {
            let (event, keeps_body) = match state {
                State::Dead => (EventKind::Dead, true),
                State::Unknown => (EventKind::Unknown, true),
                State::Expired => (EventKind::Expired, false),
                State::Cancelled => (EventKind::Cancelled, false),
                State::Completed
                | State::Scheduled
                | State::Ready
                | State::Running
                | State::Retrying
                | State::Snoozed
                | State::Parked => (EventKind::Completed, false),
            };
            record.state = state;
            record.finished_at = Some(now);
            record.reason = reason;
            record.receipt = receipt;
            if keeps_body {
                before = Some(
                    message::aside(names, envelope, state)?
                        .id(message::id(envelope, record.epoch, state.as_str()))
                        .ttl(retention.dead_age),
                );
            }
            if !keeps_body || record.secret {
                record.payload_bytes = 0;
            }
            // Sent twice it must not take the key from who got it in between.
            let left = keys::left(names, &record, retention, now)?;
            after.extend(left.map(|left| left.id(message::id(envelope, record.epoch, "left"))));
            (Ending::Drop, Some(event))
        }
        Change::Postpone { state, at, reason } => {
            record.state = state;
            record.due_at = at;
            record.reason = Some(reason);
            record.finished_at = None;
            record.epoch = record.epoch.saturating_add(1);
            after.push(waiting(names, envelope, &record, now)?);
            let event = if state == State::Snoozed {
                EventKind::Snoozed
            } else {
                EventKind::Retried
            };
            (Ending::Drop, Some(event))
        }
        Change::Park { reason, adoptable } => {
            record.state = State::Parked;
            record.reason = Some(reason);
            record.adoptable = adoptable;
            before = Some(
                message::aside(names, envelope, State::Parked)?
                    .id(message::id(envelope, record.epoch, "parked"))
                    .kept(),
            );
            (Ending::Drop, Some(EventKind::Parked))
        }
        Change::Release => {
            record.state = State::Ready;
            record.finished_at = None;
            (Ending::GiveBack, None)
        }
    };
    Ok(Next {
        record,
        before,
        after,
        ending,
        event,
    })
}

/// The message under which a waiting job waits.
pub(super) fn waiting(
    names: &Names,
    envelope: &Envelope,
    record: &Record,
    now: Timestamp,
) -> Result<Outgoing, BackendError> {
    let carried = Carried {
        epoch: record.epoch,
        attempt: record.attempt,
    };
    let message = if record.due_at > now {
        message::scheduled(names, envelope, record.state, record.due_at, carried)?
    } else {
        message::ready(names, envelope, carried)?
    };
    Ok(message.id(message::id(envelope, record.epoch, "")))
}
