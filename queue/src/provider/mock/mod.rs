//! [`Mock`]: a provider that sends nothing, answers as scripted and remembers.

mod answer;
mod inquiry;
#[cfg(feature = "sms")]
mod sms;

pub use answer::MockAnswer;
pub use inquiry::MockInquiry;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use self::answer::Act;
use self::inquiry::Inquiries;
use super::{Answer, Capacity, Inquiry, Message, Provider, ProviderError, Receipt, SendContext};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::future::BoxFuture;
use crate::job::Priority;

/// How many calls a mock remembers; older ones are forgotten, but still counted. A bound, because a mock may also stand
/// in for a provider on a development server that runs for weeks.
pub const MOCK_CALLS_MAX: usize = 100_000;

/// The name of one that was not told another.
const NAME: &str = "mock";

/// A provider for tests and development: sends nothing, accepts everything unless told otherwise, and remembers every
/// call.
///
/// Clones share the script and the memory, so a test keeps one and gives one to the worker. `Debug` shows counts only.
///
/// # Examples
/// ```
/// use queue::provider::{Message, Mock, MockAnswer};
/// # #[derive(Clone)] struct Note; impl Message for Note { const CHANNEL: &'static str = "note"; }
/// // Fails once, then accepts.
/// let mock = Mock::<Note>::new().then(MockAnswer::transient());
/// // let worker = Worker::new(queue, mock.clone()).spawn();
/// assert_eq!(mock.sent_count(), 0);
/// ```
pub struct Mock<M> {
    shared: Arc<Shared<M>>,
    name: Arc<str>,
    clock: Arc<dyn Clock>,
}

/// One call of a [`Mock`].
#[derive(Clone)]
#[non_exhaustive]
pub struct MockCall<M> {
    /// The message.
    pub message: M,
    /// The job behind it.
    pub context: SendContext,
    /// What the mock answered; `None` while it has not, or when it hung or panicked.
    pub answer: Option<Result<Receipt, ProviderError>>,
    /// Whether the message was accepted, whatever the answer says; see [`MockAnswer::after_accepting`].
    pub accepted: bool,
}

struct Shared<M> {
    state: Mutex<State<M>>,
    /// How many messages were accepted; watched by [`Mock::wait_for`].
    sent: watch::Sender<usize>,
}

struct State<M> {
    script: VecDeque<MockAnswer>,
    rule: Rule<M>,
    capacity: Capacity,
    calls: VecDeque<MockCall<M>>,
    /// How many calls there were; the first one in `calls` has the number `called - calls.len()`.
    called: usize,
    inquiries: Inquiries,
}

type Rule<M> = Arc<dyn Fn(&M, &SendContext) -> MockAnswer + Send + Sync>;

impl<M: Message> Mock<M> {
    /// A mock that accepts every message at once.
    pub fn new() -> Self {
        Self::with_rule(|_, _| MockAnswer::accept())
    }

    /// A mock that rejects every message.
    pub fn rejecting() -> Self {
        Self::with_rule(|_, _| MockAnswer::rejected())
    }

    /// A mock that gives this answer to every message.
    pub fn always(answer: impl Into<MockAnswer>) -> Self {
        let answer = answer.into();
        Self::with_rule(move |_, _| answer.clone())
    }

    /// A mock that asks `rule` what to do with each message that no script covers.
    pub fn with_rule(
        rule: impl Fn(&M, &SendContext) -> MockAnswer + Send + Sync + 'static,
    ) -> Self {
        let state = State {
            script: VecDeque::new(),
            rule: Arc::new(rule),
            capacity: Capacity::Open,
            calls: VecDeque::new(),
            called: 0,
            inquiries: Inquiries::default(),
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                sent: watch::Sender::new(0),
            }),
            name: NAME.into(),
            clock: Arc::new(SystemClock::default()),
        }
    }

    /// Another name than `mock`, to tell several apart.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// Takes its time by `clock`. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// What it says of its capacity from now on. Default: [`Capacity::Open`]. It takes messages all the same.
    pub fn set_capacity(&self, capacity: Capacity) {
        self.lock().capacity = capacity;
    }

    /// What it does from now on with messages that no script covers, as [`always`](Self::always).
    pub fn set_always(&self, answer: impl Into<MockAnswer>) {
        let answer = answer.into();
        self.lock().rule = Arc::new(move |_, _| answer.clone());
    }

    /// Appends an answer to the script. Each call takes the next one; when none is left, the rule decides.
    #[must_use]
    pub fn then(self, answer: impl Into<MockAnswer>) -> Self {
        self.push(answer);
        self
    }

    /// Appends an answer to the script of a mock that is in use.
    pub fn push(&self, answer: impl Into<MockAnswer>) {
        self.lock().script.push_back(answer.into());
    }

    /// Every call there was, the oldest first; at most the last [`MOCK_CALLS_MAX`].
    pub fn calls(&self) -> Vec<MockCall<M>>
    where
        M: Clone,
    {
        self.lock().calls.iter().cloned().collect()
    }

    /// How many calls there were.
    pub fn call_count(&self) -> usize {
        self.lock().called
    }

    /// The messages that were accepted, the oldest first; of the last [`MOCK_CALLS_MAX`] calls.
    pub fn sent(&self) -> Vec<M>
    where
        M: Clone,
    {
        let accepted = |call: &MockCall<M>| call.accepted.then(|| call.message.clone());
        self.lock().calls.iter().filter_map(accepted).collect()
    }

    /// How many messages were accepted.
    pub fn sent_count(&self) -> usize {
        *self.shared.sent.borrow()
    }

    /// The message accepted last.
    pub fn last(&self) -> Option<M>
    where
        M: Clone,
    {
        let accepted = |call: &&MockCall<M>| call.accepted;
        let state = self.lock();
        let last = state.calls.iter().rev().find(accepted);
        last.map(|call| call.message.clone())
    }

    /// Waits until at least `count` messages were accepted since the mock was made.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn wait_for(&self, count: usize) {
        let mut sent = self.shared.sent.subscribe();
        // The sender lives in `self`, so it can't be closed.
        let _ = sent.wait_for(|sent| *sent >= count).await;
    }

    /// Asserts that exactly `count` messages were accepted.
    ///
    /// # Panics
    /// When it is another number.
    #[track_caller]
    pub fn assert_sent_count(&self, count: usize) {
        let sent = self.sent_count();
        assert_eq!(
            sent, count,
            "the mock accepted {sent} messages, not {count}"
        );
    }

    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the call and takes its answer.
    fn begin(&self, message: &M, context: &SendContext) -> (usize, MockAnswer)
    where
        M: Clone,
    {
        let (number, rule) = {
            let mut state = self.lock();
            let number = state.called;
            state.called += 1;
            if state.calls.len() == MOCK_CALLS_MAX {
                state.calls.pop_front();
            }
            state.calls.push_back(MockCall {
                message: message.clone(),
                context: context.clone(),
                answer: None,
                accepted: false,
            });
            if let Some(answer) = state.script.pop_front() {
                return (number, answer);
            }
            (number, Arc::clone(&state.rule))
        };
        // Without the lock: a rule may ask the mock itself.
        (number, rule(message, context))
    }

    fn end(&self, number: usize, answer: &Result<Receipt, ProviderError>) {
        self.change(number, |call| call.answer = Some(answer.clone()));
    }

    fn accept(&self, number: usize) {
        self.change(number, |call| call.accepted = true);
        self.shared.sent.send_modify(|sent| *sent += 1);
    }

    /// Changes a call, unless it is forgotten.
    fn change(&self, number: usize, change: impl FnOnce(&mut MockCall<M>)) {
        let mut state = self.lock();
        let forgotten = state.called - state.calls.len();
        let call = number
            .checked_sub(forgotten)
            .and_then(|index| state.calls.get_mut(index));
        if let Some(call) = call {
            change(call);
        }
    }
}

impl<M: Message + Clone> Provider<M> for Mock<M> {
    fn name(&self) -> &str {
        &self.name
    }

    fn send<'a>(
        &'a self,
        message: &'a M,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async move {
            let (number, answer) = self.begin(message, context);
            let accepted_first = answer.accepts_first;
            if accepted_first {
                self.accept(number);
            }
            if !answer.delay.is_zero() {
                self.clock.sleep(answer.delay).await;
            }
            let answer = match answer.act {
                Act::Accept => {
                    let id = format!("{}-{}", self.name, number + 1);
                    Ok(Receipt::new(&*self.name).message_id(id))
                }
                Act::Receipt(receipt) => Ok(receipt),
                Act::Fail(error) => Err(error),
                Act::Hang => std::future::pending().await,
                Act::Panic => panic!("the mock was told to panic"),
            };
            self.end(number, &answer);
            if answer.is_ok() && !accepted_first {
                self.accept(number);
            }
            answer
        })
    }

    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, M>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        Box::pin(async move { self.answer(inquiry) })
    }

    fn capacity(&self, _: Priority, _: Timestamp) -> Capacity {
        self.lock().capacity
    }
}

impl<M: Message> Default for Mock<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M> Clone for Mock<M> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            name: Arc::clone(&self.name),
            clock: Arc::clone(&self.clock),
        }
    }
}

impl<M> fmt::Debug for Mock<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mock")
            .field("sent", &*self.shared.sent.borrow())
            .finish_non_exhaustive()
    }
}

impl<M> fmt::Debug for MockCall<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockCall")
            .field("job", &self.context.job)
            .field("attempt", &self.context.attempt)
            .field("answer", &self.answer)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
