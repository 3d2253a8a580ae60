//! [`Shared`]: the breakers of one provider, one or one for each tenant, and the calls that are under way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::event::{Announcer, BreakerEvent, BreakerFailure, BreakerSnapshot};
use super::machine::{Admission, Change, Machine, Sign};
use super::options::{BREAKER_TENANTS_MAX, BreakerOptions, BreakerScope};
use super::state::BreakerState;
use crate::clock::{Clock, Timestamp};
use crate::job::Tenant;
use crate::provider::{Capacity, ProviderError, ProviderErrorKind};
use crate::telemetry::metrics;

/// What a [`CircuitBreaker`](super::CircuitBreaker) and its [`BreakerView`](super::BreakerView) share.
pub(super) struct Shared {
    pub(super) provider: String,
    pub(super) options: BreakerOptions,
    clock: Arc<dyn Clock>,
    breakers: Mutex<HashMap<Option<Tenant>, Breaker>>,
    announcer: Announcer,
}

struct Breaker {
    machine: Machine,
    last_failure: Option<BreakerFailure>,
}

impl Shared {
    pub(super) fn new(
        provider: String,
        options: BreakerOptions,
        clock: Arc<dyn Clock>,
        announcer: Announcer,
    ) -> Self {
        metrics::breaker_made(&provider);
        Self {
            provider,
            options,
            clock,
            breakers: Mutex::new(HashMap::new()),
            announcer,
        }
    }

    /// Every breaker that is known, in the order of the tenants.
    pub(super) fn snapshots(&self) -> Vec<BreakerSnapshot> {
        let now = self.clock.uptime();
        let mut breakers = self.lock();
        if self.options.scope == BreakerScope::Provider {
            self.breaker(&mut breakers, None, now);
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
                Some(self.snapshot(tenant.clone(), breaker, now))
            })
            .collect()
    }

    /// How many messages the provider may get at `now`.
    pub(super) fn capacity(&self, now: Timestamp) -> Capacity {
        if self.options.scope == BreakerScope::Tenant {
            return Capacity::Open;
        }
        let uptime = self.clock.uptime();
        let mut breakers = self.lock();
        let (_, breaker) = self.breaker(&mut breakers, None, uptime);
        match (breaker.machine.state(), breaker.machine.wait_ms(uptime)) {
            (BreakerState::Closed, _) => Capacity::Open,
            (_, 0) => Capacity::Upto(1),
            (_, wait) => Capacity::ClosedUntil(now.saturating_add(Duration::from_millis(wait))),
        }
    }

    /// How many breakers there are.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

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

    pub(super) fn admit(&self, tenant: Option<&Tenant>) -> Result<Call<'_>, ProviderError> {
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

impl Drop for Shared {
    /// Those that are still open count no more.
    fn drop(&mut self) {
        let breakers = self.breakers.get_mut();
        let breakers = breakers.unwrap_or_else(PoisonError::into_inner);
        let is_open = |breaker: &&Breaker| breaker.machine.state() != BreakerState::Closed;
        metrics::breakers_gone(&self.provider, breakers.values().filter(is_open).count());
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
pub(super) struct Call<'a> {
    shared: &'a Shared,
    key: Option<Tenant>,
    epoch: u64,
    told: bool,
}

impl Call<'_> {
    pub(super) fn ended<T>(self, answer: &Result<T, ProviderError>) {
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

    pub(super) fn says(mut self, sign: Sign, failure: Option<(&'static str, Option<String>)>) {
        self.told = true;
        self.shared.told(&self.key, self.epoch, sign, failure);
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.told {
            let failure = Some(("abandoned", None));
            self.shared.told(&self.key, self.epoch, Sign::Bad, failure);
        }
    }
}
