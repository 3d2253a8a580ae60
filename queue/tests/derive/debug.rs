//! `Debug` shows names, and only public values.

use crate::support::{Alarm, Part, PushJob, greeting, otp};

#[test]
fn payloads_are_redacted() {
    assert_eq!(
        format!("{:?}", greeting()),
        "Greeting { recipient: [redacted], name: [redacted] }"
    );
    assert_eq!(
        format!("{:?}", PushJob::Otp(otp())),
        "Otp(Otp { phone: [redacted], code: [redacted], expiry_minutes: 10 })"
    );
    let alarm = Alarm {
        level: 2,
        parts: vec![Part {
            label: "s3cret".into(),
        }],
    };
    assert_eq!(
        format!("{:?}", PushJob::FireAlarm(alarm)),
        "FireAlarm(Alarm { level: 2, parts: [redacted] })"
    );
}
