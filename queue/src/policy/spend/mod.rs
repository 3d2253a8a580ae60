//! Spend guard: how much may be sent, to whom, in which time and for how much money.

mod cap;
mod money;
mod period;

pub use cap::{Amount, CAP_NAME_BYTES_MAX, Cap, CapScope};
pub use money::{Money, PrefixError, PriceTable};
pub use period::Period;
