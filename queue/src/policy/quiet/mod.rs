//! Quiet hours: messages wait until the recipient's own clock says that they may come.

mod hours;
mod provider;
mod windows;

pub use hours::QuietHours;
pub use provider::Timed;
pub use windows::{Day, SendWindows, SendWindowsError};
