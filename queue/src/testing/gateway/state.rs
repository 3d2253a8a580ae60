//! What the handlers of one gateway share.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::delivery::{ReportPush, Round};
use super::desk::{Account, Desk};
use super::fault::Fault;
use super::log::Log;

pub(super) struct Shared {
    pub(super) world: Mutex<World>,
    /// How many messages were accepted.
    pub(super) accepted: watch::Sender<usize>,
    pub(super) stop: CancellationToken,
    pub(super) report_push: Option<ReportPush>,
}

/// Everything that one request may change.
pub(super) struct World {
    pub(super) account: Account,
    pub(super) desk: Box<dyn Desk>,
    pub(super) script: VecDeque<Fault>,
    pub(super) sometimes: Vec<(f64, Fault)>,
    pub(super) random: fastrand::Rng,
    pub(super) log: Log,
    pub(super) latency: Duration,
    pub(super) jitter: Duration,
    pub(super) accepted: usize,
}

impl World {
    /// The fault of the next request: from the script, or by chance.
    pub(super) fn next_fault(&mut self) -> Option<Fault> {
        if let Some(fault) = self.script.pop_front() {
            return Some(fault);
        }
        for (probability, fault) in &self.sometimes {
            if self.random.f64() < *probability {
                return Some(fault.clone());
            }
        }
        None
    }

    pub(super) fn latency(&mut self) -> Duration {
        self.latency + self.jitter.mul_f64(self.random.f64())
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes whoever waits for accepted messages.
    pub(super) fn announce(&self) {
        let accepted = self.lock().accepted;
        self.accepted
            .send_modify(|known| *known = accepted.max(*known));
    }

    /// Pushes the reports about messages that were just accepted; an early one before this returns.
    pub(super) async fn push(&self, message_ids: Vec<String>) {
        for id in message_ids {
            let round = {
                let world = self.lock();
                let push = self.report_push.as_ref();
                Round::of(&world.account, &*world.desk, push, &id)
            };
            let Some(mut round) = round else {
                continue;
            };
            if let Some(early) = round.early.take() {
                early.send().await;
            }
            let all = round.post_all();
            tokio::spawn(self.stop.clone().run_until_cancelled_owned(all));
        }
    }
}
