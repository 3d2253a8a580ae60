//! What may be sent, when, and for how much.

mod quiet;
mod refusal;
mod region_zones;
mod spend;
mod suppression;
mod unchecked;
mod zone;

pub use quiet::{Day, QuietHours, SendWindows, SendWindowsError, Timed};
pub use refusal::Refusal;
pub use region_zones::zones_of;
pub use spend::{
    Amount, CAP_NAME_BYTES_MAX, Cap, CapScope, Capped, GUARD_NAME, Money, OverCap, Period,
    PrefixError, PriceTable, STOP_WAIT, SpendAlarm, SpendGuard, SpendGuardBuilder, SpendGuardError,
    Stopped,
};
pub use suppression::{
    Added, ImportError, Imported, LIFTED_KEPT, SENDER_BYTES_MAX, Sender, Suppress, Suppressed,
    Suppression, SuppressionEntry, SuppressionPage, SuppressionReason, SuppressionScope,
    SuppressionSource,
};
pub use zone::{Zone, ZoneError};
