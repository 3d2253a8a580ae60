//! Every shipped text, with its fields.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(shipped = "sms/welcome")]
struct Welcome {
    user_name: String,
}

#[derive(Template, serde::Serialize)]
#[template(shipped = "sms/otp")]
struct Otp {
    code: String,
    expiry_minutes: u16,
}

#[derive(Template, serde::Serialize)]
#[template(shipped = "sms/notification")]
struct Notification {
    message: String,
}

fn main() {
    let notification = Notification {
        message: "<a>".into(),
    };
    assert_eq!(render_notification(&notification).unwrap(), "<a>");
    assert!(
        render_welcome(&Welcome {
            user_name: "a".into()
        })
        .is_ok()
    );
    assert!(
        render_otp(&Otp {
            code: "1".into(),
            expiry_minutes: 1
        })
        .unwrap()
        .contains("1 minute.")
    );
}
