//! One attempt: decode, check, call the handler; and what its end means.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use super::handler::JobContext;
use super::outcome::Outcome;
use super::run::Engine;
use crate::job::{DecodeError, Envelope, Job};

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const FORBIDDEN: u8 = 2;

/// What the worker's loop and the attempt's own task share.
pub(super) struct Attempt {
    pub(super) context: JobContext,
    phase: AtomicU8,
    lease_until: AtomicU64,
}

impl Attempt {
    pub(super) fn new(context: JobContext, lease_until: u64) -> Self {
        Self {
            context,
            phase: AtomicU8::new(WAITING),
            lease_until: AtomicU64::new(lease_until),
        }
    }

    pub(super) fn lease_until(&self) -> u64 {
        self.lease_until.load(Ordering::Relaxed)
    }

    pub(super) fn extended(&self, lease_until: u64) {
        self.lease_until.store(lease_until, Ordering::Relaxed);
    }

    /// Whether the handler was or is being called. When it was not, it never will be: the task is over or forbidden to.
    pub(super) fn has_begun(&self) -> bool {
        self.phase
            .compare_exchange(WAITING, FORBIDDEN, Ordering::AcqRel, Ordering::Acquire)
            == Err(BEGUN)
    }

    fn begin(&self) -> bool {
        self.phase
            .compare_exchange(WAITING, BEGUN, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

/// How an attempt's task ended by itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The handler said so.
    Outcome(Outcome),
    /// The payload is not a job of this program.
    Undecodable { reason: String, adoptable: bool },
    /// The deadline passed before it began.
    TooLate,
    /// The lease ended before it began (the process was frozen), or the worker gave it up.
    NeverBegan,
}

/// The body of an attempt's task. Panics of `J` and of the handler are the task's, and contained there.
pub(super) async fn execute<J: Job>(
    engine: Arc<Engine<J>>,
    attempt: Arc<Attempt>,
    envelope: Arc<Envelope>,
) -> Ended {
    let context = &attempt.context;
    let job = match J::decode(context.kind.name, envelope.version, &envelope.payload) {
        Ok(job) => job,
        Err(error) => return undecodable(&error),
    };
    drop(envelope);
    // Between the lease and this line the process may have been frozen, and another worker may have the job by now.
    if engine.clock.uptime() >= attempt.lease_until() {
        return Ended::NeverBegan;
    }
    if (context.deadline).is_some_and(|deadline| deadline <= engine.clock.now()) {
        return Ended::TooLate;
    }
    if !attempt.begin() {
        return Ended::NeverBegan;
    }
    engine.hooks.before(context);
    Ended::Outcome(engine.handler.handle(&job, context).await)
}

fn undecodable(error: &DecodeError) -> Ended {
    let adoptable = match error {
        DecodeError::UnknownKind { .. } | DecodeError::NewerVersion { .. } => true,
        DecodeError::Malformed { .. } | DecodeError::Upcast { .. } => false,
    };
    Ended::Undecodable {
        reason: error.to_string(),
        adoptable,
    }
}

/// How the task of an attempt ended, as its loop sees it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Ended(Ended),
    Panicked,
    /// Cancelled by the loop, or given up because it did not even react to that.
    Cancelled,
}

/// Why the loop cancelled an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    TimedOut,
    LeaseLost,
    Shutdown,
}

/// What the end of an attempt means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// To be decided on.
    Outcome(Outcome),
    Park {
        reason: String,
        adoptable: bool,
    },
    Release,
    /// Somebody else's job by now: nothing is recorded.
    Abandon,
}

/// The meaning of `exit`, after the loop cancelled the attempt for `cancel` or not at all.
pub(super) fn conclude(exit: Exit, cancel: Option<Cancel>, attempt: &Attempt) -> Verdict {
    if cancel == Some(Cancel::LeaseLost) {
        return Verdict::Abandon;
    }
    let unknown = |reason: String| Verdict::Outcome(Outcome::Unknown { reason });
    match exit {
        // Also after a cancellation that came too late.
        Exit::Ended(Ended::Outcome(outcome)) => Verdict::Outcome(outcome),
        Exit::Ended(Ended::Undecodable { reason, adoptable }) => {
            Verdict::Park { reason, adoptable }
        }
        Exit::Ended(Ended::TooLate) => Verdict::Outcome(Outcome::Expired),
        Exit::Ended(Ended::NeverBegan) => Verdict::Release,
        Exit::Panicked if attempt.has_begun() => {
            unknown("the handler panicked; it may have been sent".to_owned())
        }
        // The same bytes would panic again: set aside, not given back.
        Exit::Panicked => Verdict::Park {
            reason: "decoding the payload panicked".to_owned(),
            adoptable: false,
        },
        Exit::Cancelled if !attempt.has_begun() => Verdict::Release,
        Exit::Cancelled => match cancel {
            Some(Cancel::TimedOut) => unknown(format!(
                "no outcome within {:?}; it may have been sent",
                attempt.context.timeout
            )),
            Some(Cancel::Shutdown) => unknown(
                "the worker was shut down before the outcome was known; it may have been sent"
                    .to_owned(),
            ),
            Some(Cancel::LeaseLost) => Verdict::Abandon,
            None => {
                unknown("the attempt was cancelled from outside; it may have been sent".to_owned())
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Timestamp;
    use crate::job::{JobId, KindInfo, Priority, UnknownPolicy};

    static KIND: KindInfo = KindInfo {
        name: "test",
        version: 1,
        priority: Priority::Normal,
        max_attempts: 3,
        unknown: UnknownPolicy::Retry,
        secret: false,
    };

    fn attempt(begun: bool) -> Attempt {
        let now = Timestamp::from_millis(0);
        let context = JobContext::new(JobId::new(), &KIND, now, Duration::from_secs(10));
        let attempt = Attempt::new(context, u64::MAX);
        if begun {
            assert!(attempt.begin());
        }
        attempt
    }

    #[test]
    fn what_was_seen_as_never_begun_never_begins() {
        let given_up = attempt(false);
        assert!(!given_up.has_begun());
        assert!(!given_up.begin());
        assert!(!given_up.has_begun());
        assert!(attempt(true).has_begun());
    }

    #[test]
    fn a_cancelled_attempt_is_unknown_only_when_it_had_begun() {
        for cancel in [Some(Cancel::TimedOut), Some(Cancel::Shutdown), None] {
            let verdict = conclude(Exit::Cancelled, cancel, &attempt(false));
            assert_eq!(verdict, Verdict::Release, "{cancel:?}");
            let verdict = conclude(Exit::Cancelled, cancel, &attempt(true));
            assert!(
                matches!(verdict, Verdict::Outcome(Outcome::Unknown { .. })),
                "{cancel:?}"
            );
        }
    }

    #[test]
    fn an_outcome_that_beat_the_cancellation_counts_unless_the_lease_was_lost() {
        let completed = || Exit::Ended(Ended::Outcome(Outcome::Completed(None)));
        for cancel in [Some(Cancel::TimedOut), Some(Cancel::Shutdown), None] {
            let verdict = conclude(completed(), cancel, &attempt(true));
            assert_eq!(verdict, Verdict::Outcome(Outcome::Completed(None)));
        }
        let verdict = conclude(completed(), Some(Cancel::LeaseLost), &attempt(true));
        assert_eq!(verdict, Verdict::Abandon);
    }

    #[test]
    fn a_panic_is_unknown_in_the_handler_and_parks_in_the_decoder() {
        assert!(matches!(
            conclude(Exit::Panicked, None, &attempt(true)),
            Verdict::Outcome(Outcome::Unknown { .. })
        ));
        assert!(matches!(
            conclude(Exit::Panicked, None, &attempt(false)),
            Verdict::Park {
                adoptable: false,
                ..
            }
        ));
    }
}
