//! The users' test kit, used as its users do.

mod assertions;
mod fault;
mod modes;

use queue::{NotificationSms, OtpSms, PhoneNumber, WelcomeSms};

fn recipient() -> PhoneNumber {
    "0712345678".parse().unwrap()
}

fn welcome(user_name: &str) -> WelcomeSms {
    WelcomeSms {
        recipient: recipient(),
        user_name: user_name.to_owned(),
    }
}

fn otp(expiry_minutes: u16) -> OtpSms {
    OtpSms {
        recipient: recipient(),
        code: "482913".parse().unwrap(),
        expiry_minutes,
    }
}

fn notification(message: &str) -> NotificationSms {
    NotificationSms {
        recipient: recipient(),
        message: message.to_owned(),
    }
}
