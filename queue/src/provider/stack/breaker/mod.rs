//! [`CircuitBreaker`]: leaves a provider alone that does not work.

mod event;
mod machine;
mod options;
mod ratio;

pub use event::{BreakerEvent, BreakerFailure, BreakerSnapshot};
pub use machine::{BreakerCause, BreakerState};
pub use options::{
    BREAKER_FAILURES, BREAKER_OPEN, BREAKER_OPEN_MIN, BREAKER_PROBES, BREAKER_RATIO,
    BREAKER_RATIO_CALLS, BREAKER_TENANTS_MAX, BREAKER_WINDOW, BreakerOptions, BreakerScope,
};

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::event::{Announcer, BreakerObserver};
use self::machine::{Admission, Change, Machine, Sign};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::future::BoxFuture;
use crate::job::{Priority, Tenant};
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

/// What the wrapper and its [`BreakerView`] share.
struct Shared {
    provider: String,
    options: BreakerOptions,
    clock: Arc<dyn Clock>,
    breakers: Mutex<HashMap<Option<Tenant>, Breaker>>,
    announcer: Announcer,
}

struct Breaker {
    machine: Machine,
    last_failure: Option<BreakerFailure>,
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
        observers: Vec<Arc<dyn Fn(&BreakerEvent) + Send + Sync>>,
    ) -> Self
    where
        P: Provider<M>,
    {
        let mut announcer = Announcer::default();
        for observer in observers {
            announcer.add(observer as BreakerObserver);
        }
        let shared = Shared {
            provider: inner.name().to_owned(),
            options,
            clock,
            breakers: Mutex::new(HashMap::new()),
            announcer,
        };
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
        let shared = &self.0;
        let now = shared.clock.uptime();
        let mut breakers = shared.lock();
        if shared.options.scope == BreakerScope::Provider {
            shared.breaker(&mut breakers, None, now);
        }
        let mut tenants: Vec<_> = breakers.keys().cloned().collect();
        tenants.sort_by(|one, other| {
            let text = |tenant: &Option<Tenant>| tenant.as_ref().map(|t| t.as_str().to_owned());
            text(one).cmp(&text(other))
        });
        tenants
            .into_iter()
            .filter_map(|tenant| {
                let breaker = breakers.get(&tenant)?;
                Some(shared.snapshot(tenant.clone(), breaker, now))
            })
            .collect()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<Option<Tenant>, Breaker>> {
        self.breakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of the breaker for a message.
    fn key(&self, tenant: Option<&Tenant>) -> Option<Tenant> {
        match self.options.scope {
            BreakerScope::Provider => None,
            BreakerScope::Tenant => tenant.cloned(),
        }
    }

    /// The breaker under `key`, and under which key it really is.
    fn breaker<'a>(
        &self,
        breakers: &'a mut HashMap<Option<Tenant>, Breaker>,
        key: Option<Tenant>,
        now: u64,
    ) -> (Option<Tenant>, &'a mut Breaker) {
        let mut key = key;
        if breakers.len() >= BREAKER_TENANTS_MAX && !breakers.contains_key(&key) {
            breakers.retain(|_, breaker| !breaker.machine.is_idle(now));
            if breakers.len() >= BREAKER_TENANTS_MAX {
                key = None;
            }
        }
        let breaker = breakers.entry(key.clone()).or_insert_with(|| Breaker {
            machine: Machine::new(self.options),
            last_failure: None,
        });
        (key, breaker)
    }

    fn snapshot(&self, tenant: Option<Tenant>, breaker: &Breaker, now: u64) -> BreakerSnapshot {
        let machine = &breaker.machine;
        let (failures, probes, (window_calls, window_failures)) = machine.counts(now);
        let wait = machine.wait_ms(now);
        BreakerSnapshot {
            provider: self.provider.clone(),
            tenant,
            state: machine.state(),
            failures,
            failures_threshold: machine.options().failures,
            window_calls,
            window_failures,
            probes,
            probes_threshold: machine.options().probes,
            last_failure: breaker.last_failure.clone(),
            next_try: (wait > 0).then(|| {
                let now = self.clock.now();
                now.saturating_add(Duration::from_millis(wait))
            }),
        }
    }

    fn admit(&self, tenant: Option<&Tenant>) -> Result<Call<'_>, ProviderError> {
        let now = self.clock.uptime();
        let admitted = {
            let mut breakers = self.lock();
            let (key, breaker) = self.breaker(&mut breakers, self.key(tenant), now);
            let (admission, change) = breaker.machine.admit(now);
            if let Some(change) = change {
                self.announce(&key, breaker, change, now);
            }
            match admission {
                Admission::Call(epoch) => Ok((key, epoch)),
                Admission::Refused {
                    wait_ms,
                    misconfigured,
                } => Err(refused(breaker, wait_ms, misconfigured)),
            }
        };
        self.announcer.tell();
        let (key, epoch) = admitted?;
        Ok(Call {
            shared: self,
            key,
            epoch,
            told: false,
        })
    }

    fn told(
        &self,
        key: &Option<Tenant>,
        epoch: u64,
        sign: Sign,
        failure: Option<(&'static str, Option<String>)>,
    ) {
        let now = self.clock.uptime();
        {
            let mut breakers = self.lock();
            // It may have been forgotten for being idle.
            let Some(breaker) = breakers.get_mut(key) else {
                return;
            };
            if let Some((kind, code)) = failure {
                breaker.last_failure = Some(BreakerFailure {
                    at: self.clock.now(),
                    kind,
                    code,
                });
            }
            if let Some(change) = breaker.machine.told(epoch, sign, now) {
                self.announce(key, breaker, change, now);
            }
        }
        self.announcer.tell();
    }

    fn announce(&self, tenant: &Option<Tenant>, breaker: &Breaker, change: Change, now: u64) {
        self.announcer.push(BreakerEvent {
            at: self.clock.now(),
            from: change.from,
            cause: change.cause,
            breaker: self.snapshot(tenant.clone(), breaker, now),
        });
    }
}

fn refused(breaker: &Breaker, wait_ms: u64, misconfigured: bool) -> ProviderError {
    let error = match misconfigured {
        true => ProviderError::misconfigured("held: it said that our settings are wrong"),
        false => ProviderError::throttled(
            Duration::from_millis(wait_ms),
            "held: its circuit breaker is open",
        ),
    };
    let code = breaker.last_failure.as_ref().and_then(|f| f.code.as_ref());
    match code {
        Some(code) => error.code(code),
        None => error,
    }
}

/// What an error says of its provider.
fn sign_of(error: &ProviderError) -> Sign {
    match error.kind() {
        ProviderErrorKind::Rejected => Sign::Good,
        ProviderErrorKind::Transient { .. } | ProviderErrorKind::Unknown => Sign::Bad,
        // Of the way to this number only, such as a country that is not enabled: other messages go through.
        ProviderErrorKind::Misconfigured if error.may_help_elsewhere() => Sign::Good,
        ProviderErrorKind::Misconfigured => Sign::Misconfigured,
        ProviderErrorKind::Throttled { .. } => Sign::Neither,
    }
}

/// A call that goes on. One that is dropped failed: nobody waited for its answer.
struct Call<'a> {
    shared: &'a Shared,
    key: Option<Tenant>,
    epoch: u64,
    told: bool,
}

impl Call<'_> {
    fn ended<T>(self, answer: &Result<T, ProviderError>) {
        let sign = answer.as_ref().map_or_else(sign_of, |_| Sign::Good);
        let failure = match (answer, sign) {
            (Err(error), Sign::Bad | Sign::Misconfigured) => Some((
                error.kind().as_str(),
                error.provider_code().map(str::to_owned),
            )),
            _ => None,
        };
        self.says(sign, failure);
    }

    fn says(mut self, sign: Sign, failure: Option<(&'static str, Option<String>)>) {
        self.told = true;
        self.shared.told(&self.key, self.epoch, sign, failure);
    }
}

/// Whether an answer to a question is: ask again after a while.
fn is_too_early(error: &ProviderError) -> bool {
    matches!(
        error.kind(),
        ProviderErrorKind::Transient { after: Some(_) }
    )
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.told {
            let failure = Some(("abandoned", None));
            self.shared.told(&self.key, self.epoch, Sign::Bad, failure);
        }
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
        let own = match self.shared.options.scope {
            BreakerScope::Tenant => Capacity::Open,
            BreakerScope::Provider => {
                let uptime = self.shared.clock.uptime();
                let mut breakers = self.shared.lock();
                let (_, breaker) = self.shared.breaker(&mut breakers, None, uptime);
                match (breaker.machine.state(), breaker.machine.wait_ms(uptime)) {
                    (BreakerState::Closed, _) => Capacity::Open,
                    (_, 0) => Capacity::Upto(1),
                    (_, wait) => {
                        Capacity::ClosedUntil(now.saturating_add(Duration::from_millis(wait)))
                    }
                }
            }
        };
        own.and(self.inner.capacity(priority, now))
    }
}

impl<P> fmt::Debug for CircuitBreaker<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("provider", &self.shared.provider)
            .field("options", &self.shared.options)
            .field("breakers", &self.shared.lock().len())
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
