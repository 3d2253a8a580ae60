//! The messages that wait for a call, and the calls that take them: natural batching.
//!
//! While all calls are busy, messages wait; whatever waits when a call is free goes out together. A call runs in a task
//! of its own, so that a caller that gives up takes nobody else's call with it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::api::Api;
use crate::provider::{ProviderError, Receipt};
use crate::sms::{PhoneNumber, SmsText};

/// What becomes of a message.
pub(super) type Verdict = Result<Receipt, ProviderError>;

/// A message that waits, or is in a call.
pub(super) struct Waiting {
    number: u64,
    /// The job's id: its `clientsmsid`.
    pub(super) id: String,
    pub(super) mobile: PhoneNumber,
    pub(super) text: SmsText,
    /// When its caller stops waiting.
    pub(super) deadline: Instant,
    reply: oneshot::Sender<Verdict>,
}

impl Waiting {
    /// Tells the caller, if it still waits.
    pub(super) fn settle(self, verdict: Verdict) {
        let _ = self.reply.send(verdict);
    }

    /// Whether there is still a caller that waits, with time left.
    pub(super) fn is_wanted(&self) -> bool {
        !self.reply.is_closed() && Instant::now() < self.deadline
    }
}

/// Hands messages to calls. Dropping it aborts the calls in flight: no task outlives it.
pub(super) struct Batcher {
    shared: Arc<Shared>,
    calls: Mutex<JoinSet<()>>,
    calls_max: usize,
    linger: Duration,
}

struct Shared {
    api: Arc<Api>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    calls: usize,
    number_next: u64,
}

/// How much earlier than its caller a send gives up, so that its own, better informed answer comes first.
const MARGIN_MAX: Duration = Duration::from_millis(50);

/// Longest time that one send is given, however long its caller would wait.
const TIMEOUT_MAX: Duration = Duration::from_secs(600);

/// How long a message that found no free call stays away.
const BUSY_WAIT: Duration = Duration::from_secs(1);

impl Batcher {
    pub(super) fn new(api: Arc<Api>, calls_max: usize, linger: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                api,
                state: Mutex::default(),
            }),
            calls: Mutex::default(),
            calls_max,
            linger,
        }
    }

    /// Sends a message in the next call that is free.
    ///
    /// It waits at most half of `timeout`, so that the call has the other half; then it leaves, surely not sent. When
    /// the future is dropped, a message that still waits is taken back.
    pub(super) async fn send(
        &self,
        id: String,
        mobile: PhoneNumber,
        text: SmsText,
        timeout: Duration,
    ) -> Verdict {
        let started = Instant::now();
        let timeout = timeout.min(TIMEOUT_MAX);
        let deadline = started + (timeout - MARGIN_MAX.min(timeout / 20));
        let (reply, mut answer) = oneshot::channel();
        let number = {
            let mut state = self.shared.lock();
            let number = state.number_next;
            state.number_next += 1;
            state.waiting.push_back(Waiting {
                number,
                id,
                mobile,
                text,
                deadline,
                reply,
            });
            number
        };
        let place = Place {
            shared: &self.shared,
            number,
        };
        self.start_call();
        let dropped = || ProviderError::unknown("the call was given up before its answer");
        if let Ok(answer) = tokio::time::timeout_at(started + timeout / 2, &mut answer).await {
            return answer.unwrap_or_else(|_| Err(dropped()));
        }
        if place.leave() {
            let words = "every call to the gateway was busy: nothing was sent";
            return Err(ProviderError::throttled(BUSY_WAIT, words));
        }
        match tokio::time::timeout_at(deadline, answer).await {
            Ok(answer) => answer.unwrap_or_else(|_| Err(dropped())),
            Err(_) => Err(ProviderError::unknown("no answer in time")),
        }
    }

    /// How many messages wait for a call.
    pub(super) fn waiting(&self) -> usize {
        self.shared.lock().waiting.len()
    }

    fn start_call(&self) {
        {
            let mut state = self.shared.lock();
            if state.waiting.is_empty() || state.calls >= self.calls_max {
                return;
            }
            state.calls += 1;
        }
        let slot = Slot {
            shared: Arc::clone(&self.shared),
            held: true,
        };
        let linger = self.linger;
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        // The set keeps finished tasks until somebody looks.
        while calls.try_join_next().is_some() {}
        calls.spawn(async move {
            if !linger.is_zero() {
                tokio::time::sleep(linger).await;
            }
            slot.run().await;
        });
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes the messages of the next call, at most `rows_max`. Two of one job never go together: their answers could
    /// not be told apart.
    fn take(&mut self, rows_max: usize) -> Vec<Waiting> {
        let mut ids = HashSet::new();
        let mut taken: Vec<Waiting> = Vec::new();
        let mut kept = Vec::new();
        while taken.len() < rows_max
            && let Some(waiting) = self.waiting.pop_front()
        {
            match ids.insert(waiting.id.clone()) {
                true => taken.push(waiting),
                false => kept.push(waiting),
            }
        }
        for waiting in kept.into_iter().rev() {
            self.waiting.push_front(waiting);
        }
        taken
    }
}

/// A message's place among those that wait; given up when dropped.
struct Place<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Place<'_> {
    /// Takes the message back; `false` when a call has it, or had it.
    fn leave(&self) -> bool {
        let mut state = self.shared.lock();
        let index = state.waiting.iter().position(|w| w.number == self.number);
        index
            .and_then(|index| state.waiting.remove(index))
            .is_some()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The right to have one call in flight; given back even when the call panics or its runtime ends.
struct Slot {
    shared: Arc<Shared>,
    held: bool,
}

impl Slot {
    /// Makes one call after the other until nobody waits.
    async fn run(mut self) {
        while let Some(rows) = self.next() {
            let api = Arc::clone(&self.shared.api);
            api.deliver(rows).await;
        }
    }

    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut state = self.shared.lock();
        let rows = state.take(self.shared.api.rows_max());
        if rows.is_empty() {
            // Under the lock: whoever comes after sees the slot free.
            state.calls -= 1;
            self.held = false;
            return None;
        }
        Some(rows)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.held {
            self.shared.lock().calls -= 1;
        }
    }
}
