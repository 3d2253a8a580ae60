//! [`ProviderStack`]: all wrappers around one or several providers, in order.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::breaker::{BreakerEvent, BreakerOptions, BreakerSnapshot, BreakerView, CircuitBreaker};
use super::failover::Failover;
use super::recording::{CallObserver, CallRecord, Recorded};
use super::route::{Order, Target};
use super::throttle::Throttle;
use super::time_limit::{TIME_LIMIT, TimeLimit};
use super::verdict::Spill;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::future::BoxFuture;
use crate::job::Priority;
use crate::provider::{
    Answer, Capacity, Inquiry, Message, Provider, ProviderError, Receipt, SendContext,
};

/// One or several providers with everything that protects them, us and the recipients: a time limit, a rate, a circuit
/// breaker, a record of every call, and the way from one provider to the next. Good without being configured.
///
/// What each part does is on its own page; the order of the parts, and why, in [the module](super). Clones share
/// everything, so an application keeps one for its dashboard and gives one to the worker.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use queue::provider::Mock;
/// use queue::provider::stack::{BreakerState, Guarded, ProviderStack};
/// use queue::sms::SmsMessage;
///
/// # let (salum, twilio) = (Mock::<SmsMessage>::new(), Mock::<SmsMessage>::new());
/// // One provider, all defaults:
/// let stack = ProviderStack::new(salum.clone());
///
/// // Two: one-time codes go through the second while the first is down, everything else waits.
/// let stack = ProviderStack::builder()
///     .guarded(Guarded::new(salum).rate(10, Duration::from_secs(1)))
///     .provider(twilio)
///     .on_breaker(|event| eprintln!("{} is {}", event.breaker.provider, event.to().as_str()))
///     .build();
/// assert!(stack.breakers().iter().all(|breaker| breaker.state == BreakerState::Closed));
/// // let worker = Worker::new(queue, stack.clone()).spawn();
/// ```
pub struct ProviderStack<M> {
    provider: Arc<dyn Provider<M>>,
    breakers: Arc<[BreakerView]>,
}

impl<M: Message> ProviderStack<M> {
    /// `provider` with every default.
    pub fn new(provider: impl Provider<M>) -> Self {
        Self::builder().provider(provider).build()
    }

    /// Describes a stack.
    pub fn builder() -> ProviderStackBuilder<M> {
        ProviderStackBuilder {
            providers: Vec::new(),
            order: Order::Listed,
            spill: None,
            calls: Vec::new(),
            breakers: Vec::new(),
            clock: Arc::new(SystemClock::default()),
        }
    }

    /// Every circuit breaker as it is now, in the order of the providers.
    pub fn breakers(&self) -> Vec<BreakerSnapshot> {
        (self.breakers.iter())
            .flat_map(BreakerView::snapshots)
            .collect()
    }
}

/// A provider in a stack, and what is asked of its guards.
pub struct Guarded<M> {
    provider: Arc<dyn Provider<M>>,
    target: Box<dyn FnOnce(Target<M>) -> Target<M> + Send>,
    time_limit: Duration,
    rate: Option<(u32, Duration)>,
    breaker: Option<BreakerOptions>,
}

impl<M: Message> Guarded<M> {
    /// `provider` with every default.
    pub fn new(provider: impl Provider<M>) -> Self {
        Self {
            provider: Arc::new(provider),
            target: Box::new(|target| target),
            time_limit: TIME_LIMIT,
            rate: None,
            breaker: Some(BreakerOptions::new()),
        }
    }

    /// How long a call may take. Default: [`TIME_LIMIT`]; never longer than the attempt.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// At most `count` calls in any window of `per`, in this process; see [`Throttle::rate`]. Default: as many as come.
    #[must_use]
    pub fn rate(mut self, count: u32, per: Duration) -> Self {
        self.rate = Some((count, per));
        self
    }

    /// When its circuit breaker opens and closes. Default: [`BreakerOptions::new`].
    #[must_use]
    pub fn breaker(mut self, options: BreakerOptions) -> Self {
        self.breaker = Some(options);
        self
    }

    /// It has no circuit breaker.
    #[must_use]
    pub fn without_breaker(mut self) -> Self {
        self.breaker = None;
        self
    }

    /// Which messages it takes, and how it is ordered beside the others: a change of its [`Target`].
    ///
    /// ```
    /// # use queue::provider::{Mock, stack::Guarded};
    /// # use queue::sms::{Region, SmsMessage};
    /// # let kenyan = Mock::<SmsMessage>::new();
    /// let kenyan = Guarded::new(kenyan)
    ///     .route(|target| target.countries([Region::KE]).segment_cost(800));
    /// ```
    #[must_use]
    pub fn route(mut self, change: impl FnOnce(Target<M>) -> Target<M> + Send + 'static) -> Self {
        let before = self.target;
        self.target = Box::new(move |target| change(before(target)));
        self
    }
}

/// A stack that is being described. Made by [`ProviderStack::builder`].
#[must_use = "nothing is sent before the stack is built and given to a worker"]
pub struct ProviderStackBuilder<M> {
    providers: Vec<Guarded<M>>,
    order: Order,
    spill: Option<Spill>,
    calls: Vec<CallObserver>,
    breakers: Vec<Arc<dyn Fn(&BreakerEvent) + Send + Sync>>,
    clock: Arc<dyn Clock>,
}

impl<M: Message> ProviderStackBuilder<M> {
    /// Adds a provider with every default. The names of several should differ.
    pub fn provider(self, provider: impl Provider<M>) -> Self {
        self.guarded(Guarded::new(provider))
    }

    /// Adds a provider with guards of its own settings.
    pub fn guarded(mut self, provider: Guarded<M>) -> Self {
        self.providers.push(provider);
        self
    }

    /// In which order several are asked. Default: [`Order::Listed`].
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Which messages go elsewhere while the provider asked first says *not now*. Default: see [`Failover::spill`].
    pub fn spill(mut self, spill: Spill) -> Self {
        self.spill = Some(spill);
        self
    }

    /// Tells `observer` of every call that was really made. It is called on the task that made it: it must be quick and must
    /// not block. A panic in it is contained and logged.
    pub fn on_call(mut self, observer: impl Fn(&CallRecord) + Send + Sync + 'static) -> Self {
        self.calls.push(Arc::new(observer));
        self
    }

    /// Tells `observer` of every circuit breaker that changes its state, each breaker's changes in order. It is called on a
    /// task that sends: it must be quick and must not block. A panic in it is contained and logged.
    pub fn on_breaker(mut self, observer: impl Fn(&BreakerEvent) + Send + Sync + 'static) -> Self {
        self.breakers.push(Arc::new(observer));
        self
    }

    /// Measures by `clock`: the queue's, when that has another than the machine's. Default: the machine's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The stack. One without providers rejects every message.
    pub fn build(self) -> ProviderStack<M> {
        let mut views = Vec::new();
        let mut targets = Vec::new();
        for guarded in self.providers {
            let timed = TimeLimit::new(guarded.provider, guarded.time_limit)
                .shared_clock(Arc::clone(&self.clock));
            let recorded = Recorded::new(timed)
                .shared_clock(Arc::clone(&self.clock))
                .shared_observers(self.calls.iter().cloned());
            let throttled = Throttle::new(recorded).shared_clock(Arc::clone(&self.clock));
            let throttled = match guarded.rate {
                Some((count, per)) => throttled.rate(count, per),
                None => throttled,
            };
            let target = match guarded.breaker {
                None => Target::new(throttled),
                Some(options) => {
                    let breaker = CircuitBreaker::with_parts(
                        throttled,
                        options,
                        Arc::clone(&self.clock),
                        self.breakers.clone(),
                    );
                    views.push(breaker.view());
                    Target::new(breaker)
                }
            };
            targets.push((guarded.target)(target));
        }
        let failover = Failover::new(targets)
            .order(self.order)
            .shared_clock(self.clock);
        let failover = match self.spill {
            Some(spill) => failover.spill(spill),
            None => failover,
        };
        ProviderStack {
            provider: Arc::new(failover),
            breakers: views.into(),
        }
    }
}

impl<M: Message> Provider<M> for ProviderStack<M> {
    fn name(&self) -> &str {
        self.provider.name()
    }

    fn send<'a>(
        &'a self,
        message: &'a M,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        self.provider.send(message, context)
    }

    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, M>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        self.provider.inquire(inquiry)
    }

    fn capacity(&self, priority: Priority, now: Timestamp) -> Capacity {
        self.provider.capacity(priority, now)
    }
}

impl<M> Clone for ProviderStack<M> {
    fn clone(&self) -> Self {
        Self {
            provider: Arc::clone(&self.provider),
            breakers: Arc::clone(&self.breakers),
        }
    }
}

impl<M: Message> fmt::Debug for ProviderStack<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderStack")
            .field("name", &self.provider.name())
            .field("breakers", &self.breakers.len())
            .finish_non_exhaustive()
    }
}

impl<M: Message> fmt::Debug for Guarded<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded")
            .field("provider", &self.provider.name())
            .field("time_limit", &self.time_limit)
            .field("rate", &self.rate)
            .field("breaker", &self.breaker)
            .finish_non_exhaustive()
    }
}

impl<M: Message> fmt::Debug for ProviderStackBuilder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderStackBuilder")
            .field("providers", &self.providers)
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}
