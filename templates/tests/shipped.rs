//! The shipped texts: what they say, and that they stay in one SMS.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use queue_templates::{Escape, Field, Template, check, shipped};
use serde_json::{Value, json};

fn render(name: &str, data: &Value) -> String {
    let source = shipped::lookup(name).unwrap();
    Template::compile(name, source, Escape::None)
        .unwrap()
        .render(data)
        .unwrap()
}

#[test]
fn welcome_greets_by_name() {
    insta::assert_snapshot!(
        render("sms/welcome", &json!({"user_name": "Wanjiru"})),
        @"Hello Wanjiru, welcome to the platform! We are glad to have you. Open your dashboard to get started."
    );
}

#[test]
fn otp_says_how_long_it_is_valid() {
    insta::assert_snapshot!(
        render("sms/otp", &json!({"code": "493817", "expiry_minutes": 10})),
        @"493817 is your verification code. It is valid for 10 minutes. Never share it with anyone."
    );
    insta::assert_snapshot!(
        render("sms/otp", &json!({"code": "493817", "expiry_minutes": 1})),
        @"493817 is your verification code. It is valid for 1 minute. Never share it with anyone."
    );
}

#[test]
fn a_notification_is_passed_on_unchanged() {
    for message in [
        "",
        " a\n\nb ",
        "5 < 6 & \"so\" on",
        "{{message}} {{#if}} \\{{",
    ] {
        assert_eq!(
            render("sms/notification", &json!({"message": message})),
            message
        );
    }
}

#[test]
fn the_fixed_texts_leave_room_in_one_segment() {
    let name = "n".repeat(57);
    let welcome = render("sms/welcome", &json!({"user_name": name}));
    assert!(welcome.len() <= 160, "{}", welcome.len());
    let otp = render("sms/otp", &json!({"code": "", "expiry_minutes": 65_535}));
    assert!(otp.len() <= 99, "{}", otp.len());
}

#[test]
fn shipped_texts_are_ascii_and_name_only_their_fields() {
    let fields = [
        ("sms/welcome", vec!["user_name"]),
        ("sms/otp", vec!["code", "expiry_minutes"]),
        ("sms/notification", vec!["message"]),
    ];
    assert_eq!(fields.len(), shipped::NAMES.len());
    for (name, fields) in fields {
        assert!(shipped::NAMES.contains(&name));
        let source = shipped::lookup(name).unwrap();
        assert!(source.is_ascii() && source.ends_with('\n'));
        let fields: Vec<Field> = fields.into_iter().map(Field::new).collect();
        assert_eq!(check(source, name, &fields), []);
    }
}

#[test]
fn a_missing_field_is_an_error_not_an_empty_place() {
    for name in shipped::NAMES {
        let source = shipped::lookup(name).unwrap();
        let template = Template::compile(name, source, Escape::None).unwrap();
        assert!(template.render(&json!({})).is_err(), "{name}");
    }
}
