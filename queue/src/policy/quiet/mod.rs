//! Quiet hours: messages wait until the recipient's own clock says that they may come.

mod day;
mod hours;
mod minute;
mod provider;
mod variables;
mod windows;

pub use day::Day;
pub use hours::QuietHours;
pub use provider::Timed;
pub use windows::{SendWindows, SendWindowsError};
