//! [`SpendGuardBuilder`]: what a guard allows.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::alarm::{Alarms, Callback, SpendAlarm};
use super::cap::{Amount, CAP_NAME_BYTES_MAX, Cap, CapScope};
use super::countries::Countries;
use super::guard::{CoolDown, Rules, SpendGuard};
use super::money::PriceTable;
use super::period::Period;
use crate::backend::{CHARGE_LINES_MAX, RecordKey, Records};
use crate::clock::{Clock, SystemClock};
use crate::job::Kind;
use crate::policy::Zone;
use crate::sms::{DEFAULT_REGION, Region};

/// The name of a guard that is not given one.
pub const GUARD_NAME: &str = "sms";
/// Longest name of a guard, in bytes.
const GUARD_NAME_BYTES_MAX: usize = 32;
/// The shortest period and cool-down: below it, a rate limit is meant.
pub(super) const SHORTEST: Duration = Duration::from_secs(1);

/// What becomes of a message that would go over a cap, or comes in a cool-down. One that alone is more than a cap allows is
/// rejected in any case: no period has room for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OverCap {
    /// It waits until there is room again: its job is snoozed, no attempt is charged, and it expires at its deadline.
    #[default]
    Defer,
    /// It is rejected: its job is dead.
    Refuse,
}

/// Describes a [`SpendGuard`].
#[must_use = "a guard is made by `build`"]
pub struct SpendGuardBuilder {
    records: Arc<dyn Records>,
    clock: Arc<dyn Clock>,
    name: String,
    pub(super) zone: Zone,
    pub(super) caps: Vec<Cap>,
    pub(super) prices: Option<PriceTable>,
    pub(super) countries: Countries,
    pub(super) cool_downs: Vec<CoolDown>,
    pub(super) over: OverCap,
    pub(super) over_by_kind: Vec<(Kind, OverCap)>,
    alarms: Vec<Callback>,
}

impl SpendGuardBuilder {
    pub(super) fn new(records: Arc<dyn Records>) -> Self {
        Self {
            records,
            clock: Arc::new(SystemClock::default()),
            name: GUARD_NAME.to_owned(),
            zone: Zone::UTC,
            caps: Vec::new(),
            prices: None,
            countries: Countries::Only(vec![DEFAULT_REGION]),
            cool_downs: Vec::new(),
            over: OverCap::default(),
            over_by_kind: Vec::new(),
            alarms: Vec::new(),
        }
    }

    /// The guard's name: 1 to 32 characters of `a-z`, `0-9`, `_` and `-`. Guards of one name on one store share their counts
    /// and their kill switch; two guards around one message must have two names. Default: [`GUARD_NAME`].
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Reads this clock; the store should read the same one.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The time zone in which [days](Period::Day) and [months](Period::Month) begin. Default: [`Zone::UTC`].
    pub fn zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// Adds a cap; at most 16. Default: none.
    pub fn cap(mut self, cap: Cap) -> Self {
        self.caps.push(cap);
        self
    }

    /// What messages cost; needed for caps of [`Amount::Cost`].
    pub fn prices(mut self, prices: PriceTable) -> Self {
        self.prices = Some(prices);
        self
    }

    /// Lets messages go to these countries only, instead of the default: that of [`DEFAULT_REGION`] alone, from which
    /// numbers without country code are dialled. A message to elsewhere is rejected.
    pub fn countries(mut self, regions: impl IntoIterator<Item = Region>) -> Self {
        self.countries = Countries::Only(regions.into_iter().collect());
        self
    }

    /// Lets messages go to every country, and to numbers of none, such as satellite phones.
    pub fn every_country(mut self) -> Self {
        self.countries = Countries::All;
        self
    }

    /// After a message of this kind, its recipient gets no other one of it for so long: at least a second. Default: none; 30
    /// to 60 s are common for one-time codes.
    pub fn cool_down(mut self, kind: impl Into<String>, length: Duration) -> Self {
        self.set_cool_down(kind.into(), length);
        self
    }

    pub(super) fn set_cool_down(&mut self, kind: String, length: Duration) {
        let kind = Kind::from(kind);
        self.cool_downs.retain(|known| known.kind != kind);
        self.cool_downs.push(CoolDown { kind, length });
    }

    /// What becomes of a message over a cap or in a cool-down. Default: [`OverCap::Defer`].
    pub fn over(mut self, over: OverCap) -> Self {
        self.over = over;
        self
    }

    /// The same for messages of one kind.
    pub fn over_for(mut self, kind: impl Into<String>, over: OverCap) -> Self {
        self.set_over_for(kind.into(), over);
        self
    }

    pub(super) fn set_over_for(&mut self, kind: String, over: OverCap) {
        let kind = Kind::from(kind);
        self.over_by_kind.retain(|(known, _)| *known != kind);
        self.over_by_kind.push((kind, over));
    }

    /// Calls this when a cap is reached: once for each cap and period, over all processes, on the task that sends. It must be
    /// quick; a panic in it is contained. May be called for several. Default: none; a warning is logged in any case.
    pub fn on_alarm(mut self, alarm: impl Fn(&SpendAlarm) + Send + Sync + 'static) -> Self {
        self.alarms.push(Arc::new(alarm));
        self
    }

    /// The guard.
    ///
    /// # Errors
    /// [`SpendGuardError`]: what was told makes no sense.
    pub fn build(self) -> Result<SpendGuard, SpendGuardError> {
        let name_key = checked_name(&self.name, GUARD_NAME_BYTES_MAX)?;
        if self.caps.len() > CHARGE_LINES_MAX {
            return Err(SpendGuardError::TooManyCaps {
                actual: self.caps.len(),
                limit: CHARGE_LINES_MAX,
            });
        }
        for (place, cap) in self.caps.iter().enumerate() {
            let name = cap.name();
            checked_name(&name, CAP_NAME_BYTES_MAX)?;
            if self.caps[..place].iter().any(|other| other.name() == name) {
                return Err(SpendGuardError::CapTwice { name });
            }
            if matches!(cap.amount(), Amount::Cost(_)) && self.prices.is_none() {
                return Err(SpendGuardError::NoPrices { name });
            }
            if matches!(cap.scope(), CapScope::Prefix { digits } if !(1..=15).contains(&digits)) {
                return Err(SpendGuardError::PrefixDigits { name });
            }
            if matches!(cap.period(), Period::Every(length) if length < SHORTEST) {
                return Err(SpendGuardError::TooShort { name });
            }
        }
        if let Some(short) = self.cool_downs.iter().find(|known| known.length < SHORTEST) {
            return Err(SpendGuardError::TooShort {
                name: short.kind.to_string(),
            });
        }
        let rules = Rules {
            name: self.name,
            name_key,
            zone: self.zone,
            caps: self.caps,
            prices: self.prices,
            countries: self.countries,
            cool_downs: self.cool_downs,
            over: self.over,
            over_by_kind: self.over_by_kind,
        };
        Ok(SpendGuard::from_parts(
            self.records,
            self.clock,
            rules,
            Alarms::new(self.alarms),
        ))
    }
}

fn checked_name(name: &str, bytes_max: usize) -> Result<RecordKey, SpendGuardError> {
    let fits = name.len() <= bytes_max
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    let key = RecordKey::new(name).ok().filter(|_| fits);
    key.ok_or_else(|| SpendGuardError::Name {
        name: name.chars().take(bytes_max).collect(),
        bytes_max,
    })
}

impl fmt::Debug for SpendGuardBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpendGuardBuilder")
            .field("name", &self.name)
            .field("caps", &self.caps)
            .finish_non_exhaustive()
    }
}

/// A guard that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpendGuardError {
    /// A name has other characters, none, or too many.
    #[error("`{name}` is no name: give it 1 to {bytes_max} characters of a-z, 0-9, _ and -")]
    Name {
        /// The name, as much of it as is allowed.
        name: String,
        /// How long it may be.
        bytes_max: usize,
    },
    /// There are more caps than one charge can count.
    #[error("the guard has {actual} caps, at most {limit} are allowed")]
    TooManyCaps {
        /// How many there are.
        actual: usize,
        /// The bound.
        limit: usize,
    },
    /// Two caps have one name.
    #[error("two caps are called `{name}`: give one another name")]
    CapTwice {
        /// The name.
        name: String,
    },
    /// A cap of money, and nothing that says what messages cost.
    #[error("the cap `{name}` counts money: give the guard its prices")]
    NoPrices {
        /// The cap's name.
        name: String,
    },
    /// A cap of prefixes whose length no phone number has.
    #[error(
        "the cap `{name}` counts by prefixes of a length that no number has: give it 1 to 15 digits"
    )]
    PrefixDigits {
        /// The cap's name.
        name: String,
    },
    /// A period or cool-down of less than a second.
    #[error("`{name}` counts for less than a second: give the worker a rate limit instead")]
    TooShort {
        /// The name of the cap, or the kind of the cool-down.
        name: String,
    },
}
