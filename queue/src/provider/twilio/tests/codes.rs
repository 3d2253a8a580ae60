//! Every code of the table, and what refuses a message before it leaves.

use super::*;
use crate::provider::twilio::error::tests::{CODES, LATE};
use crate::sms::TextPolicy;
use crate::testing::gateway::Fault;

#[tokio::test]
async fn every_code_has_its_kind_and_its_mark() {
    for codes_as_text in [false, true] {
        let personality = TwilioPersonality {
            codes_as_text,
            ..TwilioPersonality::default()
        };
        let gateway = builder().personality(personality).start().await.unwrap();
        let twilio = client(&gateway);
        for &(code, kind, mark) in CODES {
            gateway.next(1, Fault::flat(code));
            let error = send(&twilio, 1).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{code}");
            assert_eq!(error.provider_code(), Some(code.to_string().as_str()));
            assert_eq!(error.may_help_elsewhere(), mark == "elsewhere", "{code}");
            assert_eq!(error.is_opt_out(), mark == "opt-out", "{code}");
        }
        assert_eq!(gateway.accepted_count(), 0);
    }
}

#[tokio::test]
async fn a_code_after_acceptance_is_in_the_fetched_message() {
    let gateway = builder()
        .delivery([(Duration::ZERO, "sent"), (Duration::ZERO, "delivered")])
        .start()
        .await
        .unwrap();
    let twilio = client(&gateway);
    let id = send(&twilio, 1).await.unwrap().message_id.unwrap();
    let message = twilio.message(&id).await.unwrap();
    assert_eq!(
        (message.sid.as_str(), message.status),
        (id.as_str(), TwilioStatus::Delivered)
    );
    assert_eq!((message.error_code, message.failure()), (None, None));
    for (code, kind) in [(30003, LATE), (30006, ProviderErrorKind::Rejected)] {
        // The message is not sent twice because its number is: that is a matter for reports.
        gateway.number(&number(2), code);
        let error = send(&twilio, 2).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        let id = gateway.accepted().pop().unwrap().message_id.unwrap();
        let message = twilio.message(&id).await.unwrap();
        assert_eq!(message.status, TwilioStatus::Undelivered);
        assert_eq!(message.error_code, Some(code));
        assert_eq!(message.failure().unwrap().kind(), kind);
    }
}

#[tokio::test]
async fn wrong_settings_hold_the_provider() {
    let gateway = start().await;
    let sid = "AC00000000000000000000000000000001";
    let other = "AC00000000000000000000000000000002";
    let from = |from: &str| TwilioSender::From(from.into());
    for (options, code) in [
        (TwilioOptions::new(sid, "wrong", from("TEST")), "20003"),
        (
            TwilioOptions::new(other, "test-token", from("TEST")),
            "20003",
        ),
        (TwilioOptions::new(sid, "test-token", from("test")), "21606"),
    ] {
        let twilio = options.url(gateway.url()).build().unwrap();
        let error = send(&twilio, 1).await.unwrap_err();
        assert_eq!(error.kind(), ProviderErrorKind::Misconfigured);
        assert_eq!(error.provider_code(), Some(code));
    }
    let key = "SK00000000000000000000000000000001";
    let twilio = TwilioOptions::with_api_key(sid, key, "test-secret", from("TEST"));
    send(&twilio.url(gateway.url()).build().unwrap(), 1)
        .await
        .unwrap();
    let foreign = twilio_error(
        TwilioOptions::with_api_key(sid, key, "s", from("TEST")).url("http://sms.example/"),
    );
    assert!(matches!(foreign, TwilioError::Url(_)), "{foreign}");
}

fn twilio_error(options: TwilioOptions) -> TwilioError {
    options.build().unwrap_err()
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    let sid = "AC00000000000000000000000000000001";
    let from = || TwilioSender::From("TEST".into());
    for (options, expected) in [
        (
            TwilioOptions::new(" ", "", TwilioSender::From("".into())),
            "set account_sid, auth_token or key_secret, sender",
        ),
        // The auth token and the SID were exchanged.
        (
            TwilioOptions::new("0123456789abcdef0123456789abcdef", sid, from()),
            "the account_sid is not `AC` and 32 hexadecimal digits",
        ),
        (
            TwilioOptions::new("AC/../00000000000000000000000000000", "t", from()),
            "the account_sid is not `AC` and 32 hexadecimal digits",
        ),
        (
            TwilioOptions::with_api_key(sid, "AC1", "s", from()),
            "the key_sid is not `SK` and 32 hexadecimal digits",
        ),
        (
            TwilioOptions::new(sid, "t", TwilioSender::MessagingService("TEST".into())),
            "the messaging_service is not `MG` and 32 hexadecimal digits",
        ),
        (
            TwilioOptions::new(sid, "t", from()).status_callback("http://app.example/"),
            "the status callback's address (TWILIO_STATUS_CALLBACK) is not usable: the address is http: on another machine: use https:, or allow insecure HTTP in the options",
        ),
    ] {
        assert_eq!(twilio_error(options).to_string(), expected);
    }
}

#[tokio::test]
async fn a_text_that_twilio_would_refuse_does_not_leave() {
    let gateway = start().await;
    let context = SendContext::new(JobId::new(), Duration::from_secs(5));
    let text = |text: &str| SmsMessage::new(number(1), SmsText::with_limit(text, 50).unwrap());
    let error = client(&gateway)
        .send(&text(&"a".repeat(1601)), &context)
        .await;
    assert_eq!(error.unwrap_err().kind(), ProviderErrorKind::Rejected);
    let refusing = options(&gateway)
        .text_policy(TextPolicy::Refuse)
        .build()
        .unwrap();
    let error = refusing.send(&text("It’s"), &context).await.unwrap_err();
    assert_eq!(error.kind(), ProviderErrorKind::Rejected);
    assert!(gateway.requests().is_empty());
    // Twilio delivers any text, in more segments.
    let receipt = client(&gateway)
        .send(&text("It’s 😀"), &context)
        .await
        .unwrap();
    assert_eq!(receipt.segments, 1);
    let long = client(&gateway)
        .send(&text(&"a".repeat(1600)), &context)
        .await;
    assert_eq!(long.unwrap().segments, 11);
    assert_eq!(gateway.accepted()[0].message, "It’s 😀");
}
