//! [`Redacted`], and [`NoMessage`].

use std::fmt;

use crate::provider::Message;

/// Stands for a value in `Debug`.
pub struct Redacted;

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The message of an enum whose `#[job(message = …)]` is missing, beside the error that says so.
pub enum NoMessage {}

impl Message for NoMessage {
    const CHANNEL: &'static str = "";
}
