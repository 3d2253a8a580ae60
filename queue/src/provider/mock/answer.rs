//! [`MockAnswer`]: what a [`Mock`](super::Mock) does with one message.

use std::time::Duration;

use crate::provider::{ProviderError, ProviderErrorKind, Receipt};

/// What a [`Mock`](super::Mock) does with one message, and how long it takes.
#[derive(Clone, Debug)]
pub struct MockAnswer {
    pub(super) delay: Duration,
    pub(super) accepts_first: bool,
    pub(super) act: Act,
}

#[derive(Clone, Debug)]
pub(super) enum Act {
    Accept,
    Receipt(Receipt),
    Fail(ProviderError),
    Hang,
    Panic,
}

impl MockAnswer {
    /// Accepts the message under a message id of its own: `mock-1`, `mock-2`, …
    pub fn accept() -> Self {
        Self::act(Act::Accept)
    }

    /// Accepts the message with this receipt.
    pub fn receipt(receipt: Receipt) -> Self {
        Self::act(Act::Receipt(receipt))
    }

    /// Fails with this error.
    pub fn fail(error: ProviderError) -> Self {
        Self::act(Act::Fail(error))
    }

    /// Fails as [`ProviderErrorKind::Rejected`].
    pub fn rejected() -> Self {
        Self::kind(ProviderErrorKind::Rejected)
    }

    /// Fails as [`ProviderErrorKind::Rejected`], where [another provider may help](ProviderError::may_help_elsewhere).
    pub fn rejected_here() -> Self {
        Self::fail(
            ProviderError::rejected("the mock does not reach this network")
                .code("mock")
                .elsewhere(),
        )
    }

    /// Fails as [`ProviderErrorKind::Rejected`], because [the recipient opted out](ProviderError::is_opt_out).
    pub fn opted_out() -> Self {
        Self::fail(
            ProviderError::rejected("the recipient wants nothing from the mock")
                .code("mock")
                .suppress(),
        )
    }

    /// Fails as [`ProviderErrorKind::Throttled`].
    pub fn throttled(after: Duration) -> Self {
        Self::kind(ProviderErrorKind::Throttled { after })
    }

    /// Fails as [`ProviderErrorKind::Transient`], without a delay of the provider's.
    pub fn transient() -> Self {
        Self::kind(ProviderErrorKind::Transient { after: None })
    }

    /// Fails as [`ProviderErrorKind::Unknown`].
    pub fn unknown() -> Self {
        Self::kind(ProviderErrorKind::Unknown)
    }

    /// Fails as [`ProviderErrorKind::Misconfigured`].
    pub fn misconfigured() -> Self {
        Self::kind(ProviderErrorKind::Misconfigured)
    }

    /// Never answers: only a timeout or shutdown ends the call.
    pub fn hang() -> Self {
        Self::act(Act::Hang)
    }

    /// Panics, as a provider with a bug does.
    pub fn panic() -> Self {
        Self::act(Act::Panic)
    }

    /// The message is accepted first and counts as sent, whatever the answer says and whether anybody waits for it: a
    /// connection that is cut behind the message, an answer that comes too late.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use queue::provider::MockAnswer;
    /// let cut = MockAnswer::unknown().after_accepting();
    /// let late = MockAnswer::accept().after(Duration::from_secs(60)).after_accepting();
    /// ```
    #[must_use]
    pub fn after_accepting(mut self) -> Self {
        self.accepts_first = true;
        self
    }

    /// Takes this long first, by [the mock's clock](super::Mock::clock). Default: no time.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn kind(kind: ProviderErrorKind) -> Self {
        Self::fail(ProviderError::new(kind, "said by the mock").code("mock"))
    }

    fn act(act: Act) -> Self {
        Self {
            delay: Duration::ZERO,
            accepts_first: false,
            act,
        }
    }
}

impl From<ProviderError> for MockAnswer {
    fn from(error: ProviderError) -> Self {
        Self::fail(error)
    }
}

impl From<Receipt> for MockAnswer {
    fn from(receipt: Receipt) -> Self {
        Self::receipt(receipt)
    }
}
