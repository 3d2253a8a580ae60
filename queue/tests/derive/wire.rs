//! The wire form: golden bytes, both ways, versions, and what is not understood.

use queue::Job;
use queue::job::DecodeError;

use crate::support::{Alarm, Part, PushJob, greeting, otp};

#[test]
fn the_wire_form_is_tagged_and_stable() {
    let alarm = Alarm {
        level: 2,
        parts: vec![Part {
            label: "bell".into(),
        }],
    };
    for (job, bytes) in [
        (
            PushJob::Greeting(greeting()),
            r#"{"type":"greeting","recipient":"+254700000001","name":"Wanjiru"}"#,
        ),
        (
            PushJob::Otp(otp()),
            r#"{"type":"otp","phone":"+254700000001","code":"493817","expiry_minutes":10}"#,
        ),
        (
            PushJob::FireAlarm(alarm),
            r#"{"type":"fire","level":2,"parts":[{"label":"bell"}]}"#,
        ),
    ] {
        let encoded = job.encode().unwrap();
        assert_eq!(String::from_utf8(encoded).unwrap(), bytes);
        let info = job.kind();
        let again = PushJob::decode(info.name, info.version, bytes.as_bytes()).unwrap();
        assert_eq!(again.encode().unwrap(), bytes.as_bytes());
    }
}

#[test]
fn an_older_version_is_upcast_and_a_newer_one_recognised() {
    let job = PushJob::decode("fire", 1, br#"{"type":"fire","height":3}"#).unwrap();
    assert_eq!(job.render().unwrap().text, "ringringring");
    assert!(matches!(
        PushJob::decode("fire", 1, br#"{"type":"fire"}"#),
        Err(DecodeError::Upcast {
            kind: "fire",
            found: 1,
            ..
        })
    ));
    assert!(matches!(
        PushJob::decode("fire", 3, b"?"),
        Err(DecodeError::NewerVersion {
            kind: "fire",
            found: 3,
            known: 2
        })
    ));
}

#[test]
fn an_unknown_kind_is_said_to_be_unknown() {
    let Err(error) = PushJob::decode("fire_alarm", 1, b"{}") else {
        panic!("decoded a kind that is only a variant's name");
    };
    assert_eq!(
        error,
        DecodeError::UnknownKind {
            kind: "fire_alarm".into()
        }
    );
}

#[test]
fn a_malformed_payload_is_not_quoted() {
    let Err(error) = PushJob::decode("otp", 1, br#"{"type":"otp","code":"s3cret"}"#) else {
        panic!("decoded a payload without its fields");
    };
    assert!(matches!(error, DecodeError::Malformed { kind: "otp", .. }));
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}
