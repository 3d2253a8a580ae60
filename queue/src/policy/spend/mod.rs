//! Spend guard: how much may be sent, to whom, in which time and for how much money.

mod alarm;
mod builder;
mod cap;
mod cool_down;
mod countries;
mod guard;
mod money;
mod period;
mod provider;
mod snapshot;
mod switch;
mod variables;

pub use alarm::SpendAlarm;
pub use builder::{GUARD_NAME, OverCap, SpendGuardBuilder, SpendGuardError};
pub use cap::{Amount, CAP_NAME_BYTES_MAX, Cap, CapScope};
pub use guard::{STOP_WAIT, SpendGuard};
pub use money::{Money, PrefixError, PriceTable};
pub use period::Period;
pub use provider::Capped;
pub use snapshot::{CapCount, CapUsage, SNAPSHOT_COUNTS_MAX, SNAPSHOT_FULLEST_MAX, SpendSnapshot};
pub use switch::Stopped;
