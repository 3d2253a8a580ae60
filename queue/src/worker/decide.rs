//! What becomes of a job after an attempt: a function of values. The table is in `docs/job_states.md`.

use std::time::Duration;

use super::outcome::Outcome;
use crate::backend::Disposition;
use crate::clock::Timestamp;
use crate::job::{UnknownPolicy, clip_reason};
use crate::retry::Backoff;

/// The shortest snooze: a handler that always snoozes for no time must not keep a processor busy.
pub const SNOOZE_MIN: Duration = Duration::from_millis(100);
/// The longest wait that a handler or provider may ask for; longer ones, often a provider's mistake, are cut to this.
pub const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// A snooze is lengthened at random by up to this part of itself, so that jobs that were put off together don't come back
/// together. It is never shortened: a provider's hold is a promise.
pub const SNOOZE_JITTER: f64 = 0.2;

/// What a job's envelope says about its further attempts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    pub(super) max_attempts: u16,
    pub(super) deadline: Option<Timestamp>,
    pub(super) unknown: UnknownPolicy,
}

/// What becomes of the job. `random` is in 0..1.
pub(super) fn decide(
    outcome: Outcome,
    policy: Policy,
    attempt: u16,
    now: Timestamp,
    backoff: &Backoff,
    random: f64,
) -> Disposition {
    match outcome {
        Outcome::Completed(receipt) => Disposition::Complete(receipt),
        Outcome::Retry { after, reason } => {
            let reason = clip_reason(&reason);
            let delay = backoff
                .delay(attempt, random)
                .max(after.unwrap_or_default().min(WAIT_MAX));
            let at = now.saturating_add(delay);
            match next(policy, attempt, at) {
                Next::Attempt => Disposition::Retry {
                    at,
                    reason,
                    in_doubt: false,
                },
                Next::NoneLeft => Disposition::Dead { reason },
                Next::PastDeadline => Disposition::Expired,
            }
        }
        Outcome::Snooze { after, reason } => {
            let delay = after.clamp(SNOOZE_MIN, WAIT_MAX);
            let at =
                now.saturating_add(delay.mul_f64(1.0 + SNOOZE_JITTER * random.clamp(0.0, 1.0)));
            if policy.deadline.is_some_and(|deadline| deadline <= at) {
                return Disposition::Expired;
            }
            Disposition::Snooze {
                at,
                reason: clip_reason(&reason),
            }
        }
        Outcome::Dead { reason } => Disposition::Dead {
            reason: clip_reason(&reason),
        },
        Outcome::Expired => Disposition::Expired,
        Outcome::Unknown { reason } => {
            let reason = clip_reason(&reason);
            let at = now.saturating_add(backoff.delay(attempt, random));
            match (policy.unknown, next(policy, attempt, at)) {
                (UnknownPolicy::Retry | UnknownPolicy::Ask, Next::Attempt) => Disposition::Retry {
                    at,
                    reason,
                    in_doubt: true,
                },
                (UnknownPolicy::Retry, Next::NoneLeft) => Disposition::Dead { reason },
                // Not expired: an expired job was surely never sent, this one may have been.
                (UnknownPolicy::Retry, Next::PastDeadline)
                | (UnknownPolicy::Ask, Next::NoneLeft | Next::PastDeadline)
                | (UnknownPolicy::Stop, _) => Disposition::Unknown { reason },
            }
        }
        Outcome::Unresolved { reason } => Disposition::Unknown {
            reason: clip_reason(&reason),
        },
    }
}

enum Next {
    Attempt,
    NoneLeft,
    PastDeadline,
}

fn next(policy: Policy, attempt: u16, at: Timestamp) -> Next {
    if attempt >= policy.max_attempts {
        Next::NoneLeft
    } else if policy.deadline.is_some_and(|deadline| deadline <= at) {
        Next::PastDeadline
    } else {
        Next::Attempt
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::REASON_BYTES_MAX;
    use crate::provider::Receipt;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn policy(unknown: UnknownPolicy, deadline_ms: Option<i64>) -> Policy {
        Policy {
            max_attempts: 3,
            deadline: deadline_ms.map(|ms| Timestamp::from_millis(NOW.as_millis() + ms)),
            unknown,
        }
    }

    fn decided(outcome: &Outcome, policy: Policy, attempt: u16) -> Disposition {
        decide(
            outcome.clone(),
            policy,
            attempt,
            NOW,
            &Backoff::default(),
            0.5,
        )
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(NOW.as_millis() + ms)
    }

    fn why() -> String {
        "why".to_owned()
    }

    #[test]
    fn every_outcome_under_every_policy_is_decided_as_in_the_table() {
        use UnknownPolicy::{Ask, Retry, Stop};
        let completed = Outcome::Completed(Some(Receipt::new("mock")));
        let complete = Disposition::Complete(Some(Receipt::new("mock")));
        let retry = |after| Outcome::Retry {
            after,
            reason: why(),
        };
        let snooze = Outcome::Snooze {
            after: Duration::from_secs(10),
            reason: why(),
        };
        let dead = Disposition::Dead { reason: why() };
        let unknown = Outcome::Unknown { reason: why() };
        let unresolved = Outcome::Unresolved { reason: why() };
        let again = |ms| Disposition::Retry {
            at: at(ms),
            reason: why(),
            in_doubt: false,
        };
        let again_in_doubt = |ms| Disposition::Retry {
            at: at(ms),
            reason: why(),
            in_doubt: true,
        };
        let later = |ms| Disposition::Snooze {
            at: at(ms),
            reason: why(),
        };
        let kept = Disposition::Unknown { reason: why() };
        let minute = Some(Duration::from_secs(60));
        let second = Some(Duration::from_secs(1));

        // outcome, policy, deadline in ms from now, attempt of 3, what becomes of it
        type Row = (Outcome, UnknownPolicy, Option<i64>, u16, Disposition);
        let table: Vec<Row> = vec![
            (completed.clone(), Retry, None, 1, complete.clone()),
            (completed.clone(), Stop, Some(-1), 3, complete),
            (retry(None), Retry, None, 1, again(2_000)),
            (retry(None), Stop, None, 2, again(4_000)),
            (retry(minute), Retry, None, 1, again(60_000)),
            (retry(second), Retry, None, 1, again(2_000)),
            (retry(None), Retry, Some(2_001), 1, again(2_000)),
            (retry(None), Retry, Some(2_000), 1, Disposition::Expired),
            (retry(minute), Retry, Some(9_000), 1, Disposition::Expired),
            (retry(None), Retry, None, 3, dead.clone()),
            (retry(None), Retry, Some(1), 3, dead.clone()),
            (retry(None), Retry, None, 4, dead.clone()),
            (snooze.clone(), Retry, None, 1, later(11_000)),
            (snooze.clone(), Stop, None, 3, later(11_000)),
            (snooze.clone(), Retry, Some(11_001), 1, later(11_000)),
            (snooze.clone(), Retry, Some(11_000), 1, Disposition::Expired),
            (
                Outcome::Dead { reason: why() },
                Retry,
                None,
                1,
                dead.clone(),
            ),
            (Outcome::Expired, Retry, None, 1, Disposition::Expired),
            (Outcome::Expired, Stop, None, 3, Disposition::Expired),
            (unknown.clone(), Retry, None, 1, again_in_doubt(2_000)),
            (unknown.clone(), Retry, None, 3, dead.clone()),
            (unknown.clone(), Retry, Some(1_000), 1, kept.clone()),
            (unknown.clone(), Stop, None, 1, kept.clone()),
            (unknown.clone(), Stop, None, 3, kept.clone()),
            (unknown.clone(), Stop, Some(1_000), 1, kept.clone()),
            (unknown.clone(), Ask, None, 1, again_in_doubt(2_000)),
            (unknown.clone(), Ask, None, 3, kept.clone()),
            (unknown, Ask, Some(1_000), 1, kept.clone()),
            (retry(None), Ask, None, 3, dead),
            (unresolved.clone(), Ask, None, 1, kept.clone()),
            (unresolved.clone(), Retry, None, 1, kept.clone()),
            (unresolved, Stop, Some(-1), 3, kept),
        ];
        for (row, (outcome, unknown, deadline, attempt, expected)) in table.into_iter().enumerate()
        {
            let decided = decided(&outcome, policy(unknown, deadline), attempt);
            assert_eq!(decided, expected, "row {row}: {outcome:?}");
        }
    }

    #[test]
    fn a_snooze_is_lengthened_by_a_fifth_at_most_and_never_shortened() {
        let snooze = Outcome::Snooze {
            after: Duration::from_secs(10),
            reason: why(),
        };
        for (random, ms) in [(0.0, 10_000), (1.0, 12_000), (-3.0, 10_000), (7.0, 12_000)] {
            let decided = decide(
                snooze.clone(),
                policy(UnknownPolicy::Retry, None),
                1,
                NOW,
                &Backoff::default(),
                random,
            );
            let expected = Disposition::Snooze {
                at: at(ms),
                reason: why(),
            };
            assert_eq!(decided, expected);
        }
    }

    #[test]
    fn hostile_waits_are_cut_at_both_ends() {
        let policy = policy(UnknownPolicy::Retry, None);
        let never = Outcome::Snooze {
            after: Duration::MAX,
            reason: why(),
        };
        let day_and_tenth = i64::from(24 * 60 * 60 * 1100);
        assert_eq!(
            decided(&never, policy, 1),
            Disposition::Snooze {
                at: at(day_and_tenth),
                reason: why()
            }
        );
        let at_once = Outcome::Snooze {
            after: Duration::ZERO,
            reason: why(),
        };
        assert_eq!(
            decided(&at_once, policy, 1),
            Disposition::Snooze {
                at: at(110),
                reason: why()
            }
        );
        let retry = Outcome::Retry {
            after: Some(Duration::MAX),
            reason: why(),
        };
        assert_eq!(
            decided(&retry, policy, 1),
            Disposition::Retry {
                at: at(24 * 60 * 60 * 1000),
                reason: why(),
                in_doubt: false,
            }
        );
    }

    #[test]
    fn reasons_are_cut_and_kept_on_one_line() {
        let dead = Outcome::Dead {
            reason: format!("a\n{}", "x".repeat(5_000)),
        };
        let Disposition::Dead { reason } = decided(&dead, policy(UnknownPolicy::Stop, None), 1)
        else {
            panic!("a dead outcome is a dead job");
        };
        assert!(reason.len() <= REASON_BYTES_MAX && reason.starts_with("a x"));
    }
}
