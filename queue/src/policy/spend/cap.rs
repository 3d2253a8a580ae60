//! [`Cap`]: how much may be sent to whom in which time.

use std::fmt;

use super::money::{Money, PriceTable};
use super::period::Period;
use crate::job::{Address, Kind, RecipientKey};
use crate::provider::{Message, SendContext};
use crate::sms::SmsMessage;

/// Longest name of a cap, in bytes.
pub const CAP_NAME_BYTES_MAX: usize = 64;

/// A bound on what is sent in a period. A message that would go over it is refused or put off.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use queue::policy::{Amount, Cap, CapScope, Money, Period};
///
/// // Nobody gets more than ten messages a day, no block of a thousand numbers more than a hundred in an hour, and all
/// // campaigns of a month together cost at most 5,000.00.
/// let caps = [
///     Cap::new(CapScope::Recipient, Amount::Messages(10), Period::Day),
///     Cap::new(CapScope::Prefix { digits: 9 }, Amount::Messages(100), Period::Every(Duration::from_secs(3600))),
///     Cap::new(CapScope::All, Amount::Cost(Money::minor(500_000)), Period::Month).only_kind("notification"),
/// ];
/// assert_eq!(caps[0].name(), "recipient_messages_day");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    name: Option<String>,
    scope: CapScope,
    amount: Amount,
    period: Period,
    kinds: Vec<Kind>,
}

/// What a cap counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CapScope {
    /// Each recipient has a count of its own.
    Recipient,
    /// Each block of numbers that begin with the same digits has one. Pumped traffic goes to neighbouring numbers.
    Prefix {
        /// How many digits, country code included: 9 of the 12 of a Kenyan number make blocks of a thousand. 1 to 15.
        digits: u8,
    },
    /// Each country has one.
    Country,
    /// Each tenant has one. Jobs without a tenant are not counted.
    Tenant,
    /// Each provider that the guard is around has one. Give each provider a guard of its own for that, with a name of its
    /// own.
    Provider,
    /// Each kind of job has one.
    Kind,
    /// There is one for all.
    All,
}

/// How much a cap allows in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Amount {
    /// So many messages.
    Messages(u64),
    /// So many segments, which is what is billed.
    Segments(u64),
    /// So much money, by the guard's [`PriceTable`].
    Cost(Money),
}

impl Cap {
    /// At most `amount` in each `period`, counted together as `scope` says.
    pub fn new(scope: CapScope, amount: Amount, period: Period) -> Self {
        Self {
            name: None,
            scope,
            amount,
            period,
            kinds: Vec::new(),
        }
    }

    /// The cap's name in alarms, reasons and the store: 1 to 64 characters of `a-z`, `0-9`, `_` and `-`, and another one for
    /// each cap of a guard. Default: what it counts, such as `recipient_messages_day`. A cap that gets another amount
    /// under the same name keeps its count.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Counts jobs of this kind only; may be called for several. Default: all kinds.
    #[must_use]
    pub fn only_kind(mut self, kind: impl Into<String>) -> Self {
        self.kinds.push(Kind::from(kind.into()));
        self
    }

    /// The cap's name.
    pub fn name(&self) -> String {
        match &self.name {
            Some(name) => name.clone(),
            None => format!("{}_{}_{}", self.scope, self.amount.unit(), self.period),
        }
    }

    /// What it counts together.
    pub fn scope(&self) -> CapScope {
        self.scope
    }

    /// How much it allows.
    pub fn amount(&self) -> Amount {
        self.amount
    }

    /// In which time.
    pub fn period(&self) -> Period {
        self.period
    }

    /// Under which name the message is counted; `None` when this cap does not count it.
    pub(super) fn count_of(
        &self,
        message: &SmsMessage,
        context: &SendContext,
        provider: &str,
    ) -> Option<String> {
        if !self.kinds.is_empty()
            && !context
                .kind
                .as_ref()
                .is_some_and(|kind| self.kinds.contains(kind))
        {
            return None;
        }
        let recipient = &message.recipient;
        match self.scope {
            CapScope::Recipient => Some(recipient.key(SmsMessage::CHANNEL).to_hex()),
            CapScope::Prefix { digits } => {
                let all = recipient.digits();
                let first = &all[..usize::from(digits).min(all.len())];
                Some(RecipientKey::new("sms_prefix", first).to_hex())
            }
            CapScope::Country => Some(match recipient.region() {
                Some(region) => region.to_string(),
                None => "none".to_owned(),
            }),
            CapScope::Tenant => context
                .tenant
                .as_ref()
                .map(|tenant| tenant.as_str().to_owned()),
            CapScope::Provider => Some(provider.to_owned()),
            CapScope::Kind => Some(
                context
                    .kind
                    .as_ref()
                    .map_or("none", Kind::as_str)
                    .to_owned(),
            ),
            CapScope::All => Some(CapScope::ONE.to_owned()),
        }
    }
}

impl CapScope {
    /// What a cap of all counts under.
    pub(super) const ONE: &str = "all";
}

impl Amount {
    /// The same kind of amount, as much as the store counts in `count`.
    pub(super) fn with(self, count: u64) -> Self {
        match self {
            Self::Messages(_) => Self::Messages(count),
            Self::Segments(_) => Self::Segments(count),
            Self::Cost(_) => Self::Cost(Money::micros(count)),
        }
    }

    /// The amount as the store counts it.
    pub(super) fn limit(self) -> u64 {
        match self {
            Self::Messages(count) | Self::Segments(count) => count,
            Self::Cost(money) => money.as_micros(),
        }
    }

    /// How much of it `message` takes.
    pub(super) fn taken_by(self, message: &SmsMessage, prices: Option<&PriceTable>) -> u64 {
        match self {
            Self::Messages(_) => 1,
            Self::Segments(_) => u64::from(message.text.segments()),
            Self::Cost(_) => prices.map_or(0, |prices| prices.cost(message).as_micros()),
        }
    }

    const fn unit(self) -> &'static str {
        match self {
            Self::Messages(_) => "messages",
            Self::Segments(_) => "segments",
            Self::Cost(_) => "cost",
        }
    }
}

impl fmt::Display for CapScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recipient => f.write_str("recipient"),
            Self::Prefix { digits } => write!(f, "prefix{digits}"),
            Self::Country => f.write_str("country"),
            Self::Tenant => f.write_str("tenant"),
            Self::Provider => f.write_str("provider"),
            Self::Kind => f.write_str("kind"),
            Self::All => f.write_str("all"),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Messages(count) | Self::Segments(count) => write!(f, "{count} {}", self.unit()),
            Self::Cost(money) => write!(f, "{money}"),
        }
    }
}
