//! One function for each kind of field: its value, or what is wrong with it. The library's own types do the checking.

use std::time::Duration;

use queue::sms::SmsText;
use queue::{OtpCode, PhoneNumber, Priority};
use serde_json::Value;

/// Longest name, in characters: the welcome text and it fit into few segments.
const NAME_CHARS_MAX: usize = 100;
/// Longest time that a code is valid, in minutes.
const EXPIRY_MINUTES_MAX: u16 = 60;
/// Longest delay: 30 days. A longer one is more likely seconds or microseconds by mistake.
const DELAY_MS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;

pub(crate) fn phone(value: &Value) -> Result<PhoneNumber, String> {
    PhoneNumber::parse(text(value)?).map_err(|error| error.to_string())
}

pub(crate) fn name(value: &Value) -> Result<String, String> {
    let name = text(value)?.trim();
    let length = name.chars().count();
    match length {
        0 => Err("is empty: give it at least one character".to_owned()),
        1..=NAME_CHARS_MAX => Ok(name.to_owned()),
        _ => Err(format!(
            "has {length} characters, at most {NAME_CHARS_MAX} are allowed"
        )),
    }
}

pub(crate) fn code(value: &Value) -> Result<OtpCode, String> {
    OtpCode::new(text(value)?).map_err(|error| error.to_string())
}

pub(crate) fn expiry_minutes(value: &Value) -> Result<u16, String> {
    whole_number(value, 1, u64::from(EXPIRY_MINUTES_MAX))
        .map(|minutes| u16::try_from(minutes).unwrap_or(EXPIRY_MINUTES_MAX))
}

pub(crate) fn message(value: &Value) -> Result<String, String> {
    // The library would refuse it too, when the job is enqueued; here the field's name is known.
    let text = SmsText::new(text(value)?).map_err(|error| error.to_string())?;
    Ok(text.as_str().to_owned())
}

pub(crate) fn priority(value: &Value) -> Result<Option<Priority>, String> {
    let priority: Result<Priority, _> = text(value)?.parse();
    priority.map(Some).map_err(|error| error.to_string())
}

pub(crate) fn delay(value: &Value) -> Result<Duration, String> {
    whole_number(value, 0, DELAY_MS_MAX).map(Duration::from_millis)
}

fn text(value: &Value) -> Result<&str, String> {
    value
        .as_str()
        .ok_or_else(|| "must be a string, in double quotes".to_owned())
}

fn whole_number(value: &Value, least: u64, most: u64) -> Result<u64, String> {
    value
        .as_u64()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("must be a whole number from {least} to {most}"))
}
