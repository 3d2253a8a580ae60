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

    /// The code as it is sent when `time_left` is left of its lifetime: with the whole minutes that are left, at least one,
    /// and never more than it had. Up to [`OTP_MINUTE_SLACK`] that it spent in the queue don't count.
    #[must_use]
    pub fn within(&self, time_left: Duration) -> Self {
        let minutes = time_left.saturating_add(OTP_MINUTE_SLACK).as_secs() / 60;
        let minutes = u16::try_from(minutes).unwrap_or(u16::MAX).max(1);
        Self {
            expiry_minutes: minutes.min(self.expiry_minutes),
            ..self.clone()
        }
    }
}

/// A code that was sent so soon after its enqueue says its full lifetime: ten minutes less a moment are not nine to anybody,
/// and the message takes longer than that to arrive.
pub const OTP_MINUTE_SLACK: Duration = Duration::from_secs(5);

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
    #[job(priority = "high", expires_after = OtpSms::lifetime, time_left = OtpSms::within)]
    Otp(OtpSms),
    /// Says whatever it is given, after the others.
    #[job(priority = "low")]
    Notification(NotificationSms),
}
