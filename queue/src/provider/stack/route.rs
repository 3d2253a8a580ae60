//! [`Target`] and [`Order`]: which providers may take a message, and which one is asked first. Pure.

use std::fmt;
use std::sync::Arc;

use crate::job::JobId;
use crate::provider::{Message, Provider};

/// Weight of a target unless told otherwise.
pub const WEIGHT: u32 = 100;

/// In which order the providers that may take a message are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As they are listed: the first is the primary one.
    #[default]
    Listed,
    /// By chance, each first as often as its weight says. The same job always has the same order, so that a further attempt
    /// goes to the provider that may know it already.
    Weighted,
    /// The cheapest for the message first; among equals, as they are listed.
    Cheapest,
}

type Serves<M> = Arc<dyn Fn(&M) -> bool + Send + Sync>;
type Cost<M> = Arc<dyn Fn(&M) -> u64 + Send + Sync>;

/// A provider that messages may be routed to.
pub struct Target<M> {
    pub(super) provider: Arc<dyn Provider<M>>,
    pub(super) weight: u32,
    cost: Option<Cost<M>>,
    serves: Option<Serves<M>>,
}

impl<M: Message> Target<M> {
    /// One that takes every message, costs nothing and weighs [`WEIGHT`].
    pub fn new(provider: impl Provider<M>) -> Self {
        Self {
            provider: Arc::new(provider),
            weight: WEIGHT,
            cost: None,
            serves: None,
        }
    }

    /// How often it is first beside the others, for [`Order::Weighted`]. With 0 it is asked only after the others. Default:
    /// [`WEIGHT`].
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// What a message costs here, in any unit that all targets use, such as a thousandth of a shilling; for
    /// [`Order::Cheapest`]. Default: nothing.
    #[must_use]
    pub fn cost(mut self, cost: impl Fn(&M) -> u64 + Send + Sync + 'static) -> Self {
        self.cost = Some(Arc::new(cost));
        self
    }

    /// It takes only messages for which `serves` says so, also when all others fail. Said several times, all must.
    #[must_use]
    pub fn serves(mut self, serves: impl Fn(&M) -> bool + Send + Sync + 'static) -> Self {
        self.serves = Some(match self.serves.take() {
            Some(also) => Arc::new(move |message| also(message) && serves(message)),
            None => Arc::new(serves),
        });
        self
    }

    pub(super) fn takes_all(&self) -> bool {
        self.serves.is_none()
    }

    fn takes(&self, message: &M) -> bool {
        self.serves.as_ref().is_none_or(|serves| serves(message))
    }

    fn price(&self, message: &M) -> u64 {
        self.cost.as_ref().map_or(0, |cost| cost(message))
    }
}

#[cfg(feature = "sms")]
impl Target<crate::sms::SmsMessage> {
    /// It takes only numbers that begin with one of these, written as `+254` or `+25471`.
    #[must_use]
    pub fn prefixes(self, prefixes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let prefixes: Vec<String> = prefixes.into_iter().map(Into::into).collect();
        self.serves(move |message: &crate::sms::SmsMessage| {
            let number = message.recipient.as_e164();
            prefixes.iter().any(|prefix| number.starts_with(prefix))
        })
    }

    /// It takes only numbers of these countries.
    #[must_use]
    pub fn countries(self, countries: impl IntoIterator<Item = crate::sms::Region>) -> Self {
        let countries: Vec<crate::sms::Region> = countries.into_iter().collect();
        self.serves(move |message: &crate::sms::SmsMessage| {
            (message.recipient.region()).is_some_and(|region| countries.contains(&region))
        })
    }

    /// What one segment costs here; see [`cost`](Self::cost).
    #[must_use]
    pub fn segment_cost(self, cost: u64) -> Self {
        self.cost(move |message: &crate::sms::SmsMessage| {
            cost.saturating_mul(u64::from(message.text.segments()))
        })
    }
}

/// The targets that take `message`, in the order in which they are asked.
pub(super) fn route<M: Message>(
    targets: &[Target<M>],
    order: Order,
    message: &M,
    job: JobId,
) -> Vec<usize> {
    let mut route: Vec<usize> = (0..targets.len())
        .filter(|&index| targets[index].takes(message))
        .collect();
    match order {
        Order::Listed => {}
        Order::Cheapest => route.sort_by_key(|&index| targets[index].price(message)),
        Order::Weighted => by_weight(&mut route, |index| targets[index].weight, job),
    }
    route
}

/// A shuffle in which each one of the rest is next with the probability of its weight.
fn by_weight(route: &mut [usize], weight: impl Fn(usize) -> u32, job: JobId) {
    let mut random = fastrand::Rng::with_seed(seed(job));
    for place in 0..route.len() {
        let rest = &route[place..];
        let total: u64 = rest.iter().map(|&index| u64::from(weight(index))).sum();
        if total == 0 {
            return;
        }
        let mut ticket = random.u64(..total);
        let drawn = rest.iter().position(|&index| {
            let weight = u64::from(weight(index));
            let drawn = ticket < weight;
            ticket = ticket.saturating_sub(weight);
            drawn
        });
        // It keeps the order of those that are left.
        route[place..=place + drawn.unwrap_or(0)].rotate_right(1);
    }
}

/// Half of an id is time; both halves together differ for any two jobs.
fn seed(job: JobId) -> u64 {
    let bits = u128::from_be_bytes(*job.as_bytes());
    // The truncations take the two halves.
    (bits as u64) ^ ((bits >> 64) as u64)
}

impl<M: Message> fmt::Debug for Target<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("provider", &self.provider.name())
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}
