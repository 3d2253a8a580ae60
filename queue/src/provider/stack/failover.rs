//! [`Failover`]: several providers that are one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::route::{Order, Target, route};
use super::verdict::{Spill, goes_on, is_urgent_priority, verdict};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::future::BoxFuture;
use crate::job::Priority;
use crate::provider::{
    Answer, Capacity, Inquiry, Message, Provider, ProviderError, Receipt, SendContext,
};

/// Least time that is worth a try, unless the job has less in all: a connection with TLS over a slow network takes as long.
pub const TRY_TIME_MIN: Duration = Duration::from_secs(1);

/// A wait for the first provider that is not worth a look at the others' capacity.
const SHORT_WAIT: Duration = Duration::from_secs(5);

/// Routes each message to one of several providers, and to another one when that helps.
///
/// | A provider says | Another one is asked |
/// | --- | --- |
/// | accepted | no |
/// | *rejected* | only when the error [may help elsewhere](ProviderError::may_help_elsewhere): its network does not reach the number |
/// | *throttled*: an open breaker, a rate used up, 429 | for urgent messages; the others wait for it, no attempt charged. See [`Spill`] |
/// | *transient*: surely not sent | yes |
/// | *unknown*: perhaps sent | only when the job's policy is [`Retry`](crate::job::UnknownPolicy::Retry), which allows doubles |
/// | *misconfigured* | yes; the breaker holds the provider and alarms |
///
/// The time of the attempt is shared over the providers that are left, so that one that hangs leaves time for the next.
pub struct Failover<M> {
    targets: Vec<Target<M>>,
    order: Order,
    spill: Option<Spill>,
    clock: Arc<dyn Clock>,
    name: String,
}

impl<M: Message> Failover<M> {
    /// Asks `targets` in the order in which they are listed.
    pub fn new(targets: impl IntoIterator<Item = Target<M>>) -> Self {
        let targets: Vec<Target<M>> = targets.into_iter().collect();
        let names: Vec<&str> = targets
            .iter()
            .map(|target| target.provider.name())
            .collect();
        Self {
            name: names.join("+"),
            targets,
            order: Order::Listed,
            spill: None,
            clock: Arc::new(SystemClock::default()),
        }
    }

    /// In which order they are asked. Default: [`Order::Listed`].
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Which messages go elsewhere while the provider asked first says *not now*. Default: [`Spill::Urgent`], with
    /// [`Order::Weighted`] [`Spill::All`]: there the providers are equals.
    #[must_use]
    pub fn spill(mut self, spill: Spill) -> Self {
        self.spill = Some(spill);
        self
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

    fn spills(&self) -> Spill {
        self.spill.unwrap_or(match self.order {
            Order::Listed | Order::Cheapest => Spill::Urgent,
            Order::Weighted => Spill::All,
        })
    }

    /// Those that may be the first one for some message.
    fn firsts(&self) -> &[Target<M>] {
        match self.order {
            Order::Weighted | Order::Cheapest => &self.targets,
            Order::Listed => {
                let always = self.targets.iter().position(Target::takes_all);
                &self.targets[..always.map_or(self.targets.len(), |index| index + 1)]
            }
        }
    }
}

impl<M: Message> Provider<M> for Failover<M> {
    /// The names of the providers, joined by `+`. Receipts name the one that accepted.
    fn name(&self) -> &str {
        &self.name
    }

    fn send<'a>(
        &'a self,
        message: &'a M,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async move {
            let route = route(&self.targets, self.order, message, context.job);
            if route.is_empty() {
                let words = "no provider serves this recipient";
                return Err(ProviderError::rejected(words));
            }
            let spill = self.spills();
            let began = self.clock.uptime();
            let mut tries = Vec::new();
            for (place, &index) in route.iter().enumerate() {
                let spent = Duration::from_millis(self.clock.uptime().saturating_sub(began));
                let left = context.timeout.saturating_sub(spent);
                let late = (context.deadline).is_some_and(|at| at <= self.clock.now());
                if place > 0 && (left.is_zero() || late) {
                    break;
                }
                let mut share = context.clone();
                share.timeout = share_of(left, route.len() - place);
                let provider = &self.targets[index].provider;
                let error = match provider.send(message, &share).await {
                    Ok(receipt) => return Ok(receipt),
                    Err(error) => error,
                };
                let goes_on = goes_on(&error, context, spill, self.clock.now());
                tries.push(error);
                if !goes_on {
                    break;
                }
            }
            Err(verdict(tries).unwrap_or_else(|| ProviderError::transient("nobody was asked")))
        })
    }

    /// Asks every provider that may have got the message: one that accepted it decides, and *not sent* must be said by all.
    fn inquire<'a>(
        &'a self,
        inquiry: &'a Inquiry<'a, M>,
    ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
        Box::pin(async move {
            let route = route(&self.targets, self.order, inquiry.message, inquiry.job);
            let began = self.clock.uptime();
            let mut doubt = None;
            for (place, &index) in route.iter().enumerate() {
                let spent = Duration::from_millis(self.clock.uptime().saturating_sub(began));
                let left = inquiry.timeout.saturating_sub(spent);
                let mut share = inquiry.clone();
                share.timeout = share_of(left, route.len() - place);
                match self.targets[index].provider.inquire(&share).await {
                    Ok(Answer::Accepted(receipt)) => return Ok(Answer::Accepted(receipt)),
                    Ok(Answer::NotSent) => {}
                    Ok(Answer::CannotTell) => doubt = doubt.or(Some(Ok(Answer::CannotTell))),
                    // Asked again later, the others may still say that they have it.
                    Err(error) => doubt = Some(Err(error)),
                }
            }
            doubt.unwrap_or(Ok(Answer::NotSent))
        })
    }

    /// Urgent messages have the capacity of all providers together, the others that of those that may be asked first.
    ///
    /// While those are closed for long and another one is open, the others are let through all the same: each is put off,
    /// no attempt charged, but for those whose deadline does not allow it.
    fn capacity(&self, priority: Priority, now: Timestamp) -> Capacity {
        let of = |targets: &[Target<M>]| {
            (targets.iter())
                .map(|target| target.provider.capacity(priority, now))
                .reduce(Capacity::or)
                .unwrap_or_default()
        };
        let all = of(&self.targets);
        if is_urgent_priority(priority) || self.spills() == Spill::All {
            return all;
        }
        match of(self.firsts()) {
            Capacity::ClosedUntil(at) if at.since(now) > SHORT_WAIT => all,
            first => first,
        }
    }
}

/// The time of one try when `tries` are left.
fn share_of(left: Duration, tries: usize) -> Duration {
    let tries = u32::try_from(tries).unwrap_or(u32::MAX).max(1);
    (left / tries).max(TRY_TIME_MIN).min(left)
}

impl<M: Message> fmt::Debug for Failover<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failover")
            .field("targets", &self.targets)
            .field("order", &self.order)
            .field("spill", &self.spills())
            .finish_non_exhaustive()
    }
}
