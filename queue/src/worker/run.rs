//! [`Run`]: the worker's loop. One task holds all state; attempts are the only tasks beside it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::{Instrument, Span};

use super::adopt::Adoption;
use super::call::{Alarm, millis};
use super::decide::{Policy, decide};
use super::error::{WorkerError, may_recover};
use super::execute::{Attempt, Cancel, Ended, Exit, Verdict, conclude, execute};
use super::fetch::{Fetch, Fetched};
use super::handler::{Handler, JobContext};
use super::heartbeat::Heartbeat;
use super::hook::Hooks;
use super::options::Options;
use super::outcome::Outcome;
use super::report::Recorded;
use super::settle::{Done, Settler, Unsettled};
use super::shutdown::{Command, End, ShutdownReport};
use super::table::{Entry, Started, Table};
use crate::backend::{Backend, BackendError, Delivery, Disposition, Settlement};
use crate::clock::Clock;
use crate::job::Job;
use crate::telemetry::names;

/// How long a cancelled attempt has to react before it is given up: it blocks its thread.
const REACTION_TIME: Duration = Duration::from_secs(1);
/// The same at the end of a shutdown.
const REACTION_TIME_LAST: Duration = Duration::from_millis(50);
/// How long the store has to record what a shutdown cut off. Together with the reaction time it stays below
/// [`SHUTDOWN_SLACK`](super::SHUTDOWN_SLACK), with room for a busy machine.
const RECORDING_TIME_LAST: Duration = Duration::from_millis(180);

/// What a worker runs with.
pub(super) struct Engine<J: Job> {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) handler: Arc<dyn Handler<J>>,
    pub(super) hooks: Hooks,
    pub(super) options: Options,
}

/// The loop.
pub(super) struct Run<J: Job> {
    engine: Arc<Engine<J>>,
    control: watch::Receiver<Command>,
    attempts: JoinSet<Ended>,
    table: Table,
    fetch: Fetch,
    settler: Settler,
    heartbeat: Heartbeat,
    adoption: Adoption,
    alarm: Alarm,
    until_empty: bool,
    handle_is_gone: bool,
    stopping: bool,
    /// What runs was cut off; at this moment the loop ends, whatever is unrecorded.
    last_moment: Option<u64>,
    failure: Option<WorkerError>,
    report: ShutdownReport,
}

impl<J: Job> Run<J> {
    pub(super) fn new(
        engine: Engine<J>,
        control: watch::Receiver<Command>,
        until_empty: bool,
    ) -> Self {
        Self {
            control,
            attempts: JoinSet::new(),
            table: Table::new(engine.options.concurrency),
            fetch: Fetch::new(until_empty, J::QUEUE),
            settler: Settler::new(J::QUEUE),
            heartbeat: Heartbeat::new(engine.options.visibility, J::QUEUE),
            adoption: Adoption::new(J::QUEUE),
            alarm: Alarm::new(engine.clock.clone()),
            engine: Arc::new(engine),
            until_empty,
            handle_is_gone: false,
            stopping: false,
            last_moment: None,
            failure: None,
            report: ShutdownReport::default(),
        }
    }

    pub(super) async fn run(mut self) -> End {
        loop {
            let now = self.engine.clock.uptime();
            self.obey(now);
            self.expire(now);
            self.proceed(now);
            if self.is_over(now) {
                break;
            }
            tokio::select! {
                biased;
                told = self.control.changed(), if !self.handle_is_gone => {
                    // Its last command stays readable.
                    self.handle_is_gone = told.is_err();
                }
                Some(joined) = self.attempts.join_next_with_id() => self.joined(joined),
                answer = self.settler.call.answer() => self.settled(answer),
                answer = self.fetch.call.answer() => self.fetched(answer),
                answer = self.heartbeat.call.answer() => self.extended(answer),
                answer = self.adoption.call.answer() => {
                    self.adoption.answered(answer, self.engine.clock.uptime());
                }
                () = self.alarm.rings() => {}
            }
        }
        let mut done = Vec::new();
        self.settler.give_up(&mut done);
        self.done(done);
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(self.report),
        }
    }

    /// Does what the handle said.
    fn obey(&mut self, now: u64) {
        let command = *self.control.borrow();
        if (command.stop || self.failure.is_some()) && !self.stopping {
            self.stopping = true;
            // Leased a moment ago and not begun: given back, no attempt charged.
            if let Some(Ok(Fetched::Jobs(jobs))) = self.fetch.cancel() {
                for delivery in jobs {
                    self.table.take(delivery.envelope.priority);
                    self.unsettled(&delivery_parts(&delivery), Disposition::Release);
                }
            }
        }
        if self.last_moment.is_none() && command.cut_off.is_some_and(|at| at <= now) {
            self.last_moment = Some(now.saturating_add(millis(RECORDING_TIME_LAST)));
            let running: Vec<Id> = self.table.running().map(|(id, _)| id).collect();
            self.report.cut_off = running.len() as u64;
            for id in running {
                self.cancel(id, Cancel::Shutdown, now, REACTION_TIME_LAST);
            }
        }
    }

    /// Cancels attempts whose time is over, and gives up those that did not react to it.
    fn expire(&mut self, now: u64) {
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

    /// Begins every call that is due.
    fn proceed(&mut self, now: u64) {
        let backend = &self.engine.backend;
        self.settler.begin(backend, now);
        let lost = (self.heartbeat).begin(backend, &self.table, &mut self.settler, now);
        self.lose(lost, now);
        if !self.stopping {
            let backend = &self.engine.backend;
            self.adoption.begin::<J>(backend, now);
            self.ask(now);
        }
        let due = [
            self.table.next_due(),
            self.settler.next_due(),
            self.heartbeat.next_due(),
            self.fetch.next_due(),
            self.control.borrow().cut_off.filter(|&at| at > now),
            self.last_moment,
            (!self.stopping).then(|| self.adoption.next_due()).flatten(),
        ];
        self.alarm.set(due.into_iter().flatten().min(), now);
    }

    fn ask(&mut self, now: u64) {
        // Until it is empty: what can be adopted belongs to it.
        if self.until_empty && !self.adoption.has_looked() {
            return;
        }
        loop {
            let withdrawn = self.fetch.begin::<J>(
                &self.engine.backend,
                &self.engine.options,
                self.table.free(),
                self.table.is_idle(),
                now,
            );
            match withdrawn {
                Some(answer) => self.fetched(answer),
                None => return,
            }
            if self.stopping {
                return;
            }
        }
    }

    fn is_over(&self, now: u64) -> bool {
        let all_done = self.stopping && self.table.is_idle();
        all_done || self.last_moment.is_some_and(|at| at <= now)
    }

    fn fetched(&mut self, answer: Result<Fetched, BackendError>) {
        let now = self.engine.clock.uptime();
        match answer {
            Ok(fetched) => {
                let empty = self.fetch.answered(&fetched, now);
                match fetched {
                    Fetched::Jobs(jobs) => {
                        for delivery in jobs {
                            self.start(delivery, now);
                        }
                    }
                    Fetched::None(_) => self.stopping |= empty,
                }
            }
            Err(error) if may_recover(error.kind()) => self.fetch.failed(&error, now),
            Err(error) => self.fail(error),
        }
    }

    /// Starts an attempt at once: its lease is the record that it began.
    fn start(&mut self, delivery: Delivery, now: u64) {
        let parts = delivery_parts(&delivery);
        self.table.take(parts.priority);
        let Delivery {
            envelope, attempt, ..
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
            max_attempts: envelope.max_attempts,
            created_at: envelope.created_at,
            deadline: envelope.deadline,
            timeout,
            idempotency_key: envelope.idempotency.map(|idempotency| idempotency.key),
            tenant: envelope.tenant,
            metadata: envelope.metadata,
            trace: envelope.trace,
        };
        let shared = Arc::new(Attempt::new(context, parts.lease_until));
        let body = execute(
            self.engine.clone(),
            shared.clone(),
            envelope.version,
            envelope.payload,
        );
        let task = self.attempts.spawn(body.instrument(span.clone()));
        self.table.start(Started {
            attempt: shared,
            lease: parts.lease,
            priority: parts.priority,
            policy: Policy {
                max_attempts: envelope.max_attempts,
                deadline: envelope.deadline,
                unknown: envelope.unknown,
            },
            span,
            task,
            due: now.saturating_add(millis(timeout).max(1)),
        });
    }

    fn joined(&mut self, joined: Result<(Id, Ended), JoinError>) {
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

    fn unsettled(&mut self, parts: &Parts, disposition: Disposition) {
        self.settler.push(Unsettled {
            settlement: Settlement {
                lease: parts.lease,
                disposition,
            },
            priority: parts.priority,
            lease_until: parts.lease_until,
        });
    }

    fn settled(&mut self, answer: Result<Vec<crate::backend::Settled>, BackendError>) {
        let mut done = Vec::new();
        let now = self.engine.clock.uptime();
        let result = self.settler.answered(answer, now, &mut done);
        self.done(done);
        if let Err(error) = result {
            self.fail(error);
        }
    }

    fn done(&mut self, done: Vec<Done>) {
        for done in done {
            self.report.run.count(done.recorded);
            self.table.give_back(done.priority);
        }
    }

    fn extended(&mut self, answer: Result<Vec<bool>, BackendError>) {
        let now = self.engine.clock.uptime();
        let lost = (self.heartbeat).answered(answer, &self.table, &mut self.settler, now);
        self.lose(lost, now);
    }

    fn lose(&mut self, lost: Vec<Id>, now: u64) {
        for id in lost {
            self.cancel(id, Cancel::LeaseLost, now, REACTION_TIME);
        }
    }

    fn cancel(&mut self, id: Id, why: Cancel, now: u64, reaction: Duration) {
        let give_up = now.saturating_add(millis(reaction));
        self.table.cancel(id, why, give_up);
    }

    fn fail(&mut self, error: BackendError) {
        if self.failure.is_none() {
            tracing::error!(
                { names::QUEUE } = J::QUEUE,
                { names::ERROR_KIND } = error.kind().as_str(),
                "the worker stops: its store failed for good: {error}"
            );
            self.failure = Some(WorkerError::backend(error));
        }
    }
}

/// What is needed of a delivery to record its outcome.
struct Parts {
    lease: crate::backend::Lease,
    priority: crate::job::Priority,
    lease_until: u64,
}

fn delivery_parts(delivery: &Delivery) -> Parts {
    Parts {
        lease: delivery.lease,
        priority: delivery.envelope.priority,
        lease_until: delivery.lease_until,
    }
}

fn attempt_span<J: Job>(envelope: &crate::job::Envelope, attempt: u16) -> Span {
    tracing::info_span!(
        parent: None,
        names::JOB_ATTEMPT,
        { names::JOB_ID } = %envelope.id,
        { names::JOB_KIND } = envelope.kind.as_str(),
        { names::ATTEMPT } = attempt,
        { names::QUEUE } = J::QUEUE,
        { names::TRACEPARENT } = envelope.trace.as_ref().map(|trace| trace.traceparent.as_str()),
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
