//! [`Run`]: the worker's loop. One task holds all state; attempts are the only tasks beside it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::adopt::Adoption;
use super::attempts::Parts;
use super::call::{Alarm, Call, millis};
use super::error::{WorkerError, may_recover};
use super::execute::Ended;
use super::fetch::{Fetch, Fetched};
use super::handler::Handler;
use super::heartbeat::Heartbeat;
use super::hook::Hooks;
use super::options::Options;
use super::settle::{Done, Settler};
use super::shutdown::{Command, End, ShutdownReport};
use super::table::Table;
use crate::backend::{Backend, BackendError, Disposition, Settled};
use crate::clock::Clock;
use crate::job::{Job, Priority};
use crate::provider::Capacity;
use crate::telemetry::names;

/// How long the store has to record what a shutdown cut off. Together with the reaction time it stays below
/// [`SHUTDOWN_SLACK`](super::SHUTDOWN_SLACK), with room for a busy machine.
const RECORDING_TIME_LAST: Duration = Duration::from_millis(180);

/// How often the loop steps aside for attempts that are about to end. Handlers that never wait must not hold up what it
/// does besides.
const GATHER_ROUNDS_MAX: u32 = 16;

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
    pub(super) engine: Arc<Engine<J>>,
    pub(super) control: watch::Receiver<Command>,
    pub(super) attempts: JoinSet<Ended>,
    pub(super) table: Table,
    pub(super) fetch: Fetch,
    pub(super) settler: Settler,
    pub(super) heartbeat: Heartbeat,
    pub(super) adoption: Adoption,
    /// Waits until what a withdrawn question leased is given back.
    pub(super) given_back: Call<()>,
    pub(super) alarm: Alarm,
    pub(super) until_empty: bool,
    pub(super) handle_is_gone: bool,
    pub(super) stopping: bool,
    /// What runs was cut off; at this moment the loop ends, whatever is unrecorded.
    pub(super) last_moment: Option<u64>,
    pub(super) failure: Option<WorkerError>,
    pub(super) report: ShutdownReport,
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
            given_back: Call::none(),
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
                Some(joined) = self.attempts.join_next_with_id() => {
                    self.joined(joined);
                    self.gather().await;
                }
                answer = self.settler.call.answer() => self.settled(answer),
                answer = self.fetch.call.answer() => self.fetched(answer),
                () = self.fetch.asked_long_ago.answer() => {}
                answer = self.heartbeat.call.answer() => self.extended(answer),
                answer = self.adoption.call.answer() => {
                    self.adoption.answered(answer, self.engine.clock.uptime());
                }
                () = self.given_back.answer() => {}
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

    /// Lets the attempts end that are about to, so that their outcomes are recorded together: where handlers are quick the
    /// first of a batch would be recorded alone, and all others wait for that.
    async fn gather(&mut self) {
        for _ in 0..GATHER_ROUNDS_MAX {
            tokio::task::yield_now().await;
            let Some(joined) = self.attempts.try_join_next_with_id() else {
                return;
            };
            self.joined(joined);
        }
    }

    /// Does what the handle said.
    fn obey(&mut self, now: u64) {
        let command = *self.control.borrow();
        if (command.stop || self.failure.is_some()) && !self.stopping {
            self.stopping = true;
            self.stop_asking();
        }
        if self.last_moment.is_none() && command.cut_off.is_some_and(|at| at <= now) {
            self.last_moment = Some(now.saturating_add(millis(RECORDING_TIME_LAST)));
            self.report.cut_off = self.cut_off(now);
        }
    }

    /// Withdraws the outstanding question, and sees to it that what it leased goes back, no attempt charged.
    fn stop_asking(&mut self) {
        if !self.fetch.call.is_outstanding() {
            return;
        }
        if let Some(answer) = self.fetch.cancel() {
            if let Ok(Fetched::Jobs(jobs)) = answer {
                for delivery in jobs {
                    let parts = Parts::of(&delivery);
                    self.table.take(parts.priority);
                    self.unsettled(&parts, Disposition::Release);
                }
            }
            return;
        }
        // The store may be about to lease and will find that nobody listens. Whoever ends the process after the shutdown
        // must not end that: a store that answers in order has finished the question before the first of these answers,
        // and given back what it leased before the second.
        let backend = self.engine.backend.clone();
        self.given_back.begin(async move {
            for _ in 0..2 {
                if backend.settle(Vec::new()).await.is_err() {
                    return;
                }
            }
        });
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
        let asking = [self.fetch.next_due(), self.adoption.next_due()];
        let due = [
            self.table.next_due(),
            self.settler.next_due(),
            self.heartbeat.next_due(),
            self.control.borrow().cut_off.filter(|&at| at > now),
            self.last_moment,
        ];
        let asking = asking.into_iter().filter(|_| !self.stopping);
        let due = due.into_iter().chain(asking).flatten().min();
        self.alarm.set(due, now);
    }

    fn ask(&mut self, now: u64) {
        // Until it is empty: what can be adopted belongs to it.
        if self.until_empty && !self.adoption.has_looked() {
            return;
        }
        loop {
            let capacities = self.capacities();
            let free =
                (self.fetch).within(self.table.free(), capacities, self.engine.clock.as_ref());
            let withdrawn = self.fetch.begin::<J>(
                &self.engine.backend,
                &self.engine.options,
                free,
                self.table.is_idle(),
                now,
            );
            match withdrawn {
                Some(answer) => self.fetched(answer),
                None => return,
            }
            if self.stopping || self.failure.is_some() {
                return;
            }
        }
    }

    /// What the handler has capacity for, by priority.
    fn capacities(&self) -> [Capacity; 4] {
        let now = self.engine.clock.now();
        let ask = || Priority::ALL.map(|priority| self.engine.handler.capacity(priority, now));
        // A handler with a bug must not end the worker; its attempts will show the bug.
        catch_unwind(AssertUnwindSafe(ask)).unwrap_or([Capacity::Open; 4])
    }

    fn is_over(&self, now: u64) -> bool {
        let all_done = self.stopping && self.table.is_idle() && !self.given_back.is_outstanding();
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

    fn settled(&mut self, answer: Result<Vec<Settled>, BackendError>) {
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
