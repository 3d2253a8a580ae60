//! The texts we ship, by name.
//!
//! Plain ASCII, so an SMS stays in the GSM-7 alphabet: 160 characters in one segment.

/// The names of all shipped texts.
pub const NAMES: [&str; 3] = ["sms/welcome", "sms/otp", "sms/notification"];

/// The source of the shipped text called `name`.
///
/// | name | fields | says |
/// | --- | --- | --- |
/// | `sms/welcome` | `user_name` | greets a new user by name and points to the dashboard |
/// | `sms/otp` | `code`, `expiry_minutes` | the code, how long it is valid, and not to share it |
/// | `sms/notification` | `message` | the message, as it is |
///
/// ```
/// assert!(queue_templates::shipped::lookup("sms/otp").is_some());
/// assert!(queue_templates::shipped::lookup("sms/nothing").is_none());
/// ```
pub fn lookup(name: &str) -> Option<&'static str> {
    match name {
        "sms/welcome" => Some(include_str!("../sms/welcome.hbs")),
        "sms/otp" => Some(include_str!("../sms/otp.hbs")),
        "sms/notification" => Some(include_str!("../sms/notification.hbs")),
        _ => None,
    }
}
