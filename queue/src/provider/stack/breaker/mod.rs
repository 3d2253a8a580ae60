//! [`CircuitBreaker`]: leaves a provider alone that does not work.

mod event;
mod machine;
mod options;
mod ratio;
mod shared;
mod state;

pub use event::{BreakerEvent, BreakerFailure, BreakerSnapshot};
pub use options::{
    BREAKER_FAILURES, BREAKER_OPEN, BREAKER_OPEN_MIN, BREAKER_PROBES, BREAKER_RATIO,
    BREAKER_RATIO_CALLS, BREAKER_TENANTS_MAX, BREAKER_WINDOW, BreakerOptions, BreakerScope,
};
pub use state::{BreakerCause, BreakerState};

use std::fmt;
use std::sync::Arc;

use self::event::Announcer;
pub(super) use self::event::BreakerObserver;
use self::machine::Sign;
use self::shared::Shared;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::future::BoxFuture;
use crate::job::Priority;
use crate::provider::{
    Answer, Capacity, Inquiry, Message, Provider, ProviderError, ProviderErrorKind, Receipt,
    SendContext,
};

/// Leaves a provider alone that does not work, and tries it again carefully.
///
/// | State | Messages | Becomes |
/// | --- | --- | --- |
/// | closed | go through | open, after 5 failures in a row, when half of at least 20 calls in 60 s failed, or at once when the provider says *misconfigured* |
/// | open | are answered at once: *throttled* until the next try, or *misconfigured* | half-open, after 60 s, with the next message |
/// | half-open | one at a time goes through, the others are *throttled* for a second | closed after 2 good probes in a row, open after a bad one |
///
/// A failure is an answer *transient* or *unknown*, or none that anybody waited for. *Rejected* is a good sign: the
/// provider works; and so is a *misconfigured* that [may be helped elsewhere](ProviderError::may_help_elsewhere), which
/// concerns the way to one number only. *Throttled* says nothing. No attempt is charged for what the breaker refuses.
///
/// Everything is measured by the monotonic clock, so a stepped wall clock neither opens nor closes anything.
pub struct CircuitBreaker<P> {
    inner: P,
    shared: Arc<Shared>,
}

impl<P> CircuitBreaker<P> {
    /// A breaker around `inner`, closed.
    pub fn new<M: Message>(inner: P, options: BreakerOptions) -> Self
    where
        P: Provider<M>,
    {
        let clock = Arc::new(SystemClock::default());
        Self::with_parts(inner, options, clock, Vec::new())
    }

    /// As [`new`](Self::new), by `clock`, telling `observer` of every change of state, in order. It is called on a task that
    /// sends, so it must be quick and must not block; a panic in it is contained and logged.
    pub fn observed<M: Message>(
        inner: P,
        options: BreakerOptions,
        clock: impl Clock,
        observer: impl Fn(&BreakerEvent) + Send + Sync + 'static,
    ) -> Self
    where
        P: Provider<M>,
    {
        Self::with_parts(inner, options, Arc::new(clock), vec![Arc::new(observer)])
    }

    pub(super) fn with_parts<M: Message>(
        inner: P,
        options: BreakerOptions,
        clock: Arc<dyn Clock>,
        observers: Vec<BreakerObserver>,
    ) -> Self
    where
        P: Provider<M>,
    {
        let mut announcer = Announcer::default();
        for observer in observers {
            announcer.add(observer);
        }
        let provider = inner.name().to_owned();
        let shared = Shared::new(provider, options, clock, announcer);
        Self {
            inner,
            shared: Arc::new(shared),
        }
    }

    /// The breaker's eyes, which stay when the stack is given to a worker.
    pub fn view(&self) -> BreakerView {
        BreakerView(Arc::clone(&self.shared))
    }
}

/// Looks at a [`CircuitBreaker`] that is in use.
#[derive(Clone)]
pub struct BreakerView(Arc<Shared>);

impl BreakerView {
    /// How it is now: one, or with [`BreakerScope::Tenant`] one for each tenant that had a call lately, in their order.
    pub fn snapshots(&self) -> Vec<BreakerSnapshot> {
        self.0.snapshots()
    }
}

impl<M: Message, P: Provider<M>> Provider<M> for CircuitBreaker<P> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn send<'a>(
        &'a self,
        message: &'a M,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async move {
            let call = self.shared.admit(context.tenant.as_ref())?;
            let answer = self.inner.send(message, context).await;
            call.ended(&answer);
            answer
        })
    }

    /// A question is a call like any other.
    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, M>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        Box::pin(async move {
            let call = self.shared.admit(inquiry.tenant.as_ref())?;
            let answer = self.inner.inquire(inquiry).await;
            match &answer {
                // It works; it only can't know yet.
                Err(error) if is_too_early(error) => call.says(Sign::Neither, None),
                _ => call.ended(&answer),
            }
            answer
        })
    }

    /// While it is half-open, one message. With a breaker for each tenant always what `inner` says: other tenants go on.
    fn capacity(&self, priority: Priority, now: Timestamp) -> Capacity {
        let own = self.shared.capacity(now);
        own.and(self.inner.capacity(priority, now))
    }
}

/// Whether an answer to a question is: ask again after a while.
fn is_too_early(error: &ProviderError) -> bool {
    matches!(
        error.kind(),
        ProviderErrorKind::Transient { after: Some(_) }
    )
}

impl<P> fmt::Debug for CircuitBreaker<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("provider", &self.shared.provider)
            .field("options", &self.shared.options)
            .field("breakers", &self.shared.count())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for BreakerView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreakerView")
            .field("provider", &self.0.provider)
            .finish_non_exhaustive()
    }
}
