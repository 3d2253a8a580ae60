//! The SMS channel: phone numbers, texts, one-time codes.

mod dialled;
mod gsm7;
mod message;
mod metadata;
mod otp_code;
mod phone_number;
mod region;
mod text;
mod transliterate;

pub use message::SmsMessage;
pub use otp_code::{OTP_CODE_CHARS_MAX, OTP_CODE_CHARS_MIN, OtpCode, OtpCodeError};
pub use phone_number::{PHONE_NUMBER_CHARS_MAX, PhoneNumber, PhoneNumberError};
pub use region::{DEFAULT_REGION, ParseRegionError, Region};
pub use text::{Encoding, SEGMENTS_MAX, SmsText, SmsTextError, TextPolicy};
