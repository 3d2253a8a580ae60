//! The SMS channel: phone numbers, texts, one-time codes.

mod metadata;
mod phone_number;
mod region;

pub use phone_number::{PHONE_NUMBER_CHARS_MAX, PhoneNumber, PhoneNumberError};
pub use region::{DEFAULT_REGION, ParseRegionError, Region};
