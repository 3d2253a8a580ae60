//! What may be sent, when, and for how much.

mod quiet;
mod region_zones;
mod zone;

pub use quiet::{Day, SendWindows, SendWindowsError};
pub use region_zones::zones_of;
pub use zone::{Zone, ZoneError};
