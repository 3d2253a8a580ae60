//! From a delivery to the decision on its job: the part of [`Run`] that starts attempts and hears of their ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError};
use tracing::{Instrument, Span};

use super::call::millis;
use super::decide::{Policy, decide};
use super::execute::{Attempt, Cancel, Ended, Exit, Verdict, conclude, execute};
use super::handler::JobContext;
use super::outcome::Outcome;
use super::report::Recorded;
use super::run::Run;
use super::settle::Unsettled;
use super::table::{Entry, Started};
use crate::backend::{Delivery, Disposition, Lease, Settlement};
use crate::job::{Envelope, Job, Priority};
use crate::telemetry::names;

/// How long a cancelled attempt has to react before it is given up: it blocks its thread.
const REACTION_TIME: Duration = Duration::from_secs(1);
/// The same at the end of a shutdown.
const REACTION_TIME_LAST: Duration = Duration::from_millis(50);

impl<J: Job> Run<J> {
    /// Starts an attempt at once: its lease is the record that it began.
    pub(super) fn start(&mut self, delivery: Delivery, now: u64) {
        let parts = Parts::of(&delivery);
        self.table.take(parts.priority);
        let Delivery {
            envelope,
            attempt,
            doubt,
            ..
        } = delivery;
        let known = J::KINDS
            .iter()
            .find(|kind| kind.name == envelope.kind.as_str());
        let Some(kind) = known else {
            let park = Disposition::Park {
                reason: format!("unknown kind `{}`", envelope.kind),
                adoptable: true,
            };
            return self.unsettled(&parts, park);
        };
        let options = &self.engine.options;
        let left = (envelope.deadline).map(|at| at.since(self.engine.clock.now()));
        let timeout = left.map_or(options.send_timeout, |left| left.min(options.send_timeout));
        let span = attempt_span::<J>(&envelope, attempt);
        let context = JobContext {
            id: envelope.id,
            kind,
            attempt,
            doubt,
            unknown: envelope.unknown,
            max_attempts: envelope.max_attempts,
            created_at: envelope.created_at,
            deadline: envelope.deadline,
            time_left: left,
            priority: envelope.priority,
            timeout,
            idempotency_key: (envelope.idempotency.as_ref())
                .map(|idempotency| idempotency.key.clone()),
            tenant: envelope.tenant.clone(),
            metadata: envelope.metadata.clone(),
            trace: envelope.trace.clone(),
        };
        let shared = Arc::new(Attempt::new(context, parts.lease_until));
        let policy = Policy {
            max_attempts: envelope.max_attempts,
            deadline: envelope.deadline,
            unknown: envelope.unknown,
        };
        let body = execute(self.engine.clone(), shared.clone(), envelope);
        let task = self.attempts.spawn(body.instrument(span.clone()));
        self.table.start(Started {
            attempt: shared,
            lease: parts.lease,
            priority: parts.priority,
            policy,
            span,
            task,
            due: now.saturating_add(millis(timeout).max(1)),
        });
    }

    pub(super) fn joined(&mut self, joined: Result<(Id, Ended), JoinError>) {
        let mut next = Some(joined);
        while let Some(joined) = next {
            let (id, exit) = match joined {
                Ok((id, ended)) => (id, Exit::Ended(ended)),
                Err(error) if error.is_panic() => (error.id(), Exit::Panicked),
                Err(error) => (error.id(), Exit::Cancelled),
            };
            // One that was given up is not in the table any more: its outcome is decided.
            if let Some(entry) = self.table.remove(id) {
                self.ended(entry, exit);
            }
            next = self.attempts.try_join_next_with_id();
        }
    }

    /// Decides what becomes of the job.
    fn ended(&mut self, entry: Entry, exit: Exit) {
        let begun = match &exit {
            Exit::Ended(Ended::Outcome(_)) => true,
            Exit::Ended(_) => false,
            Exit::Panicked | Exit::Cancelled => entry.attempt.has_begun(),
        };
        let verdict = conclude(exit, entry.cancel, &entry.attempt);
        let context = &entry.attempt.context;
        let _in_span = entry.span.enter();
        let disposition = match verdict {
            Verdict::Outcome(outcome) => {
                entry.span.record(names::OUTCOME, outcome.as_str());
                if begun {
                    self.engine.hooks.after(context, &outcome);
                }
                decide(
                    outcome,
                    entry.policy,
                    context.attempt,
                    self.engine.clock.now(),
                    &self.engine.options.backoff,
                    fastrand::f64(),
                )
            }
            Verdict::Park { reason, adoptable } => Disposition::Park { reason, adoptable },
            Verdict::Release => Disposition::Release,
            Verdict::Abandon => {
                tracing::warn!(
                    "the lease was lost while the job ran; another worker decides on it"
                );
                if begun {
                    let reason = "the lease was lost while it ran".to_owned();
                    self.engine
                        .hooks
                        .after(context, &Outcome::Unknown { reason });
                }
                self.report.run.count(Recorded::LeaseLost);
                self.table.give_back(entry.priority);
                return;
            }
        };
        log(&disposition);
        let parts = Parts {
            lease: entry.lease,
            priority: entry.priority,
            lease_until: entry.attempt.lease_until(),
        };
        self.unsettled(&parts, disposition);
    }

    pub(super) fn unsettled(&mut self, parts: &Parts, disposition: Disposition) {
        self.settler.push(Unsettled {
            settlement: Settlement {
                lease: parts.lease,
                disposition,
            },
            priority: parts.priority,
            lease_until: parts.lease_until,
        });
    }

    /// Cancels attempts whose time is over, and gives up those that did not react to it.
    pub(super) fn expire(&mut self, now: u64) {
        while let Some((id, cancelled)) = self.table.due(now) {
            if cancelled.is_none() {
                self.cancel(id, Cancel::TimedOut, now, REACTION_TIME);
                continue;
            }
            let Some(entry) = self.table.remove(id) else {
                continue;
            };
            let _in_span = entry.span.clone().entered();
            tracing::warn!(
                { names::JOB_ID } = %entry.attempt.context.id,
                { names::JOB_KIND } = entry.attempt.context.kind.name,
                "the handler does not react to its cancellation: it blocks a thread of the runtime"
            );
            self.ended(entry, Exit::Cancelled);
        }
    }

    /// Cancels everything that runs, at the end of a shutdown's grace period; returns how many attempts that were.
    pub(super) fn cut_off(&mut self, now: u64) -> u64 {
        let running: Vec<Id> = self.table.running().map(|(id, _)| id).collect();
        for &id in &running {
            self.cancel(id, Cancel::Shutdown, now, REACTION_TIME_LAST);
        }
        running.len() as u64
    }

    pub(super) fn lose(&mut self, lost: Vec<Id>, now: u64) {
        for id in lost {
            self.cancel(id, Cancel::LeaseLost, now, REACTION_TIME);
        }
    }

    fn cancel(&mut self, id: Id, why: Cancel, now: u64, reaction: Duration) {
        let give_up = now.saturating_add(millis(reaction));
        self.table.cancel(id, why, give_up);
    }
}

/// What is needed of a delivery to record its outcome.
pub(super) struct Parts {
    lease: Lease,
    pub(super) priority: Priority,
    lease_until: u64,
}

impl Parts {
    pub(super) fn of(delivery: &Delivery) -> Self {
        Self {
            lease: delivery.lease,
            priority: delivery.envelope.priority,
            lease_until: delivery.lease_until,
        }
    }
}

fn attempt_span<J: Job>(envelope: &Envelope, attempt: u16) -> Span {
    tracing::info_span!(
        parent: None,
        names::JOB_ATTEMPT,
        { names::JOB_ID } = %envelope.id,
        { names::JOB_KIND } = envelope.kind.as_str(),
        { names::ATTEMPT } = attempt,
        { names::QUEUE } = J::QUEUE,
        { names::TRACEPARENT } = envelope.trace.as_ref().map(|trace| trace.traceparent()),
        { names::OUTCOME } = tracing::field::Empty,
    )
}

fn log(disposition: &Disposition) {
    match disposition {
        Disposition::Complete(_) => tracing::debug!("completed"),
        Disposition::Retry { reason, .. } => {
            tracing::info!({ names::REASON } = reason, "failed; will be tried again");
        }
        Disposition::Snooze { reason, .. } => {
            tracing::info!({ names::REASON } = reason, "put off; no attempt is charged");
        }
        Disposition::Dead { reason } => tracing::warn!({ names::REASON } = reason, "given up"),
        Disposition::Expired => tracing::warn!("expired"),
        Disposition::Unknown { reason } => {
            tracing::warn!({ names::REASON } = reason, "kept: its outcome is unknown");
        }
        Disposition::Park { reason, .. } => {
            tracing::warn!({ names::REASON } = reason, "parked: it can't be decoded");
        }
        Disposition::Release => tracing::debug!("given back: it never began"),
    }
}
