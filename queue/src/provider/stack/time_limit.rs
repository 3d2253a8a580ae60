//! [`TimeLimit`]: no call takes longer than it may.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock, Timestamp};
use crate::future::BoxFuture;
use crate::job::Priority;
use crate::provider::{
    Answer, Capacity, Inquiry, Message, Provider, ProviderError, Receipt, SendContext,
};

/// How long one call may take unless told otherwise.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// How much longer than its time a provider is waited for: it knows better than a clock whether anything was sent, so it
/// has the first word.
pub const TIME_LIMIT_SLACK: Duration = Duration::from_millis(50);

/// Bounds every call of a provider, and tells the provider so.
///
/// The call gets the limit, or what the job has left when that is less. A provider that does not keep to it is left
/// [`TIME_LIMIT_SLACK`] later; what it was doing is *unknown* then.
pub struct TimeLimit<P> {
    inner: P,
    limit: Duration,
    clock: Arc<dyn Clock>,
}

impl<P> TimeLimit<P> {
    /// Gives each call of `inner` at most `limit`.
    pub fn new(inner: P, limit: Duration) -> Self {
        Self {
            inner,
            limit,
            clock: Arc::new(SystemClock::default()),
        }
    }

    /// Measures by `clock`. Default: the machine's.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        self.shared_clock(Arc::new(clock))
    }

    pub(super) fn shared_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl<M: Message, P: Provider<M>> Provider<M> for TimeLimit<P> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn send<'a>(
        &'a self,
        message: &'a M,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async move {
            let limit = self.limit.min(context.timeout);
            if limit.is_zero() {
                return Err(ProviderError::transient("no time left: nothing was sent"));
            }
            let mut context = context.clone();
            context.timeout = limit;
            tokio::select! {
                biased;
                answer = self.inner.send(message, &context) => answer,
                () = self.clock.sleep(limit.saturating_add(TIME_LIMIT_SLACK)) => {
                    Err(ProviderError::unknown(format!("no answer within {limit:?}")))
                }
            }
        })
    }

    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, M>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        Box::pin(async move {
            let limit = self.limit.min(inquiry.timeout);
            let mut inquiry = inquiry.clone();
            inquiry.timeout = limit;
            tokio::select! {
                biased;
                answer = self.inner.inquire(&inquiry) => answer,
                () = self.clock.sleep(limit.saturating_add(TIME_LIMIT_SLACK)) => {
                    Err(ProviderError::transient(format!("no answer to a question within {limit:?}")))
                }
            }
        })
    }

    fn capacity(&self, priority: Priority, now: Timestamp) -> Capacity {
        self.inner.capacity(priority, now)
    }
}

impl<P> fmt::Debug for TimeLimit<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeLimit")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
