//! The jobs we ship, and the handler that renders and sends. An application's own enum looks exactly the same.

mod notifier;
#[cfg(feature = "sms")]
mod sms;

pub use notifier::Notifier;
#[cfg(feature = "sms")]
pub use sms::{
    NotificationSms, OTP_MINUTE_SLACK, OtpSms, SmsJob, SmsJobKind, WelcomeSms,
    create_notification_sms_job, create_otp_sms_job, create_welcome_sms_job,
    render_notification_sms, render_otp_sms, render_welcome_sms,
};
