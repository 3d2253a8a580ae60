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
use super::{Answer, Inquiry, Message, Provider, ProviderError, Receipt, SendContext};
use crate::future::BoxFuture;

/// How many calls a mock remembers; older ones are forgotten, but still counted. A bound, because a mock may also stand
/// in for a provider on a development server that runs for weeks.
pub const MOCK_CALLS_MAX: usize = 100_000;

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
}

struct Shared<M> {
    state: Mutex<State<M>>,
    /// How many messages were accepted; watched by [`Mock::wait_for`].
    sent: watch::Sender<usize>,
}

struct State<M> {
    script: VecDeque<MockAnswer>,
    rule: Rule<M>,
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
            calls: VecDeque::new(),
            called: 0,
            inquiries: Inquiries::default(),
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                sent: watch::Sender::new(0),
            }),
        }
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
        let accepted = |call: &MockCall<M>| match call.answer {
            Some(Ok(_)) => Some(call.message.clone()),
            _ => None,
        };
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
        let accepted = |call: &&MockCall<M>| matches!(call.answer, Some(Ok(_)));
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
        let mut state = self.lock();
        let forgotten = state.called - state.calls.len();
        let call = number
            .checked_sub(forgotten)
            .and_then(|index| state.calls.get_mut(index));
        if let Some(call) = call {
            call.answer = Some(answer.clone());
        }
        drop(state);
        if answer.is_ok() {
            self.shared.sent.send_modify(|sent| *sent += 1);
        }
    }
}

impl<M: Message + Clone> Provider<M> for Mock<M> {
    fn name(&self) -> &str {
        "mock"
    }

    fn send<'a>(
        &'a self,
        message: &'a M,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async move {
            let (number, answer) = self.begin(message, context);
            if !answer.delay.is_zero() {
                tokio::time::sleep(answer.delay).await;
            }
            let answer = match answer.act {
                Act::Accept => Ok(Receipt::new("mock").message_id(format!("mock-{}", number + 1))),
                Act::Receipt(receipt) => Ok(receipt),
                Act::Fail(error) => Err(error),
                Act::Hang => std::future::pending().await,
                Act::Panic => panic!("the mock was told to panic"),
            };
            self.end(number, &answer);
            answer
        })
    }

    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, M>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        Box::pin(async move { self.answer(inquiry) })
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
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::job::JobId;
    use crate::provider::ProviderErrorKind;

    #[derive(Clone, PartialEq)]
    struct Note(&'static str);

    impl Message for Note {
        const CHANNEL: &'static str = "note";
    }

    fn context() -> SendContext {
        SendContext::new(JobId::new(), Duration::from_secs(1))
    }

    #[tokio::test]
    async fn the_script_comes_first_and_then_the_rule() {
        let mock = Mock::new()
            .then(MockAnswer::transient())
            .then(Receipt::new("other").segments(2));
        let context = context();
        let error = mock.send(&Note("a"), &context).await.unwrap_err();
        assert_eq!(error.kind(), ProviderErrorKind::Transient { after: None });
        assert_eq!(mock.send(&Note("b"), &context).await.unwrap().segments, 2);
        let receipt = mock.send(&Note("c"), &context).await.unwrap();
        assert_eq!(receipt.message_id.as_deref(), Some("mock-3"));
        assert_eq!((mock.call_count(), mock.sent_count()), (3, 2));
        assert!(mock.sent() == [Note("b"), Note("c")]);
        assert!(mock.last() == Some(Note("c")));
        mock.assert_sent_count(2);
    }

    #[tokio::test]
    async fn every_kind_of_error_can_be_scripted() {
        let after = Duration::from_secs(7);
        for (answer, kind) in [
            (MockAnswer::rejected(), ProviderErrorKind::Rejected),
            (
                MockAnswer::throttled(after),
                ProviderErrorKind::Throttled { after },
            ),
            (
                MockAnswer::transient(),
                ProviderErrorKind::Transient { after: None },
            ),
            (MockAnswer::unknown(), ProviderErrorKind::Unknown),
            (
                MockAnswer::misconfigured(),
                ProviderErrorKind::Misconfigured,
            ),
        ] {
            let error = Mock::always(answer).send(&Note("a"), &context()).await;
            assert_eq!(error.unwrap_err().kind(), kind);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_mock_takes_its_time_or_hangs() {
        let mock = Mock::new()
            .then(MockAnswer::accept().after(Duration::from_secs(3)))
            .then(MockAnswer::hang());
        let context = context();
        let started = tokio::time::Instant::now();
        mock.send(&Note("a"), &context).await.unwrap();
        assert_eq!(started.elapsed(), Duration::from_secs(3));
        let note = Note("b");
        let hour = Duration::from_secs(3600);
        let hung = tokio::time::timeout(hour, mock.send(&note, &context)).await;
        assert!(hung.is_err());
        assert_eq!((mock.call_count(), mock.sent_count()), (2, 1));
    }

    #[tokio::test]
    async fn a_panic_leaves_the_mock_usable() {
        let mock = Mock::new().then(MockAnswer::panic());
        let clone = mock.clone();
        let task = tokio::spawn(async move { clone.send(&Note("a"), &context()).await });
        assert!(task.await.unwrap_err().is_panic());
        mock.send(&Note("b"), &context()).await.unwrap();
        mock.wait_for(1).await;
    }

    #[tokio::test]
    async fn a_rule_sees_the_message_and_nothing_is_shown() {
        let mock = Mock::with_rule(|note: &Note, _| match note.0 {
            "unwelcome" => MockAnswer::rejected(),
            _ => MockAnswer::accept(),
        });
        let context = context();
        mock.send(&Note("unwelcome"), &context).await.unwrap_err();
        mock.send(&Note("greeting"), &context).await.unwrap();
        let shown = format!("{mock:?} {:?}", mock.calls());
        assert!(
            !shown.contains("unwelcome") && !shown.contains("greeting"),
            "{shown}"
        );
    }
}
