//! What the handlers of one gateway share.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::account::Account;
use super::delivery::{Deliveries, ReportPush};
use super::fault::Fault;
use super::log::Log;
use super::personality::Personality;

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
    pub(super) personality: Personality,
    pub(super) deliveries: Deliveries,
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
    pub(super) async fn push(&self, message_ids: Vec<u64>) {
        let Some(push) = &self.report_push else {
            return;
        };
        let progress = self.lock().deliveries.progress.clone();
        for message_id in message_ids {
            if push.early
                && let Some((after, word)) = progress.first()
            {
                push.push(message_id, word, *after).await;
            }
            let all = push.clone().push_all(message_id, progress.clone());
            tokio::spawn(self.stop.clone().run_until_cancelled_owned(all));
        }
    }
}
