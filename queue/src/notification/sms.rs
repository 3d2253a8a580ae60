//! [`SmsJob`]: the shipped SMS jobs. An application's own enum looks exactly the same.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sms::{OtpCode, PhoneNumber, SmsMessage};
use crate::{Job, Template};

/// Greets a new user.
#[derive(Template, Clone, Serialize, Deserialize, JsonSchema)]
#[template(shipped = "sms/welcome")]
pub struct WelcomeSms {
    /// Whom it is for.
    pub recipient: PhoneNumber,
    /// How the user is called.
    pub user_name: String,
}

/// Brings a one-time code.
#[derive(Template, Clone, Serialize, Deserialize, JsonSchema)]
#[template(shipped = "sms/otp")]
pub struct OtpSms {
    /// Whom it is for.
    pub recipient: PhoneNumber,
    /// The code.
    pub code: OtpCode,
    /// How long the code is valid, in minutes. Also how long the job may wait: no code is sent after it expired.
    pub expiry_minutes: u16,
}

impl OtpSms {
    /// How long after its enqueue the code may still be sent.
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(60 * u64::from(self.expiry_minutes))
    }
}

/// Says whatever it is given.
#[derive(Template, Clone, Serialize, Deserialize, JsonSchema)]
#[template(shipped = "sms/notification")]
pub struct NotificationSms {
    /// Whom it is for.
    pub recipient: PhoneNumber,
    /// What it says.
    pub message: String,
}

/// The shipped SMS jobs.
#[derive(Job, Clone)]
#[job(queue = "sms", message = SmsMessage)]
pub enum SmsJob {
    /// Greets a new user.
    Welcome(WelcomeSms),
    /// Brings a one-time code: before the others, and never after it expired.
    #[job(priority = "high", expires_after = OtpSms::lifetime)]
    Otp(OtpSms),
    /// Says whatever it is given, after the others.
    #[job(priority = "low")]
    Notification(NotificationSms),
}
