//! Quiet hours: messages wait until the recipient's own clock says that they may come.

mod windows;

pub use windows::{Day, SendWindows, SendWindowsError};
