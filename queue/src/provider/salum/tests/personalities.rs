//! Every member of the family, and every oddity of its answers.

use super::*;
use crate::testing::gateway::{CodeKey, Envelope, Fault, IdForm, Personality, SlashRule};

async fn start(personality: Personality) -> Gateway {
    Gateway::builder()
        .personality(personality)
        .start()
        .await
        .unwrap()
}

/// All oddities that must make no difference.
fn family() -> Vec<(&'static str, Personality)> {
    let odd = |change: fn(&mut Personality)| {
        let mut personality = Personality::salum();
        change(&mut personality);
        personality
    };
    vec![
        ("salum", Personality::salum()),
        ("textsms", Personality::textsms()),
        ("advanta", Personality::advanta()),
        ("both keys", odd(|p| p.code_key = CodeKey::Both)),
        ("codes as text", odd(|p| p.codes_as_text = true)),
        ("ids as text", odd(|p| p.message_ids = IdForm::Text)),
        ("no client ids", odd(|p| p.client_ids = false)),
        ("mobile as text", odd(|p| p.mobile_as_text = true)),
        ("bare array", odd(|p| p.envelope = Envelope::BareArray)),
        ("JSON as text", odd(|p| p.envelope = Envelope::JsonAsText)),
    ]
}

#[tokio::test]
async fn one_message_is_sent_to_every_member_of_the_family() {
    for (name, personality) in family() {
        let gateway = start(personality).await;
        let receipt = send(&client(&gateway), 1).await.expect(name);
        let accepted = gateway.accepted();
        assert_eq!(accepted.len(), 1, "{name}");
        assert_eq!(accepted[0].mobile, "254712000001", "{name}");
        let id = accepted[0].message_id.clone();
        assert!(id.is_some(), "{name}");
        assert_eq!(receipt.message_id, id, "{name}");
        assert_eq!(
            (receipt.segments, receipt.provider.as_str()),
            (1, "salum"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn bulk_outcomes_are_mixed_for_every_member_of_the_family() {
    for (name, personality) in family() {
        let gateway = start(personality).await;
        gateway.number(&number(2), 1003);
        gateway.number(&number(3), 1005);
        let salum = one_call(&gateway, |options| {
            options.linger(Duration::from_millis(50))
        });
        let answers = send_together(&salum, 1..=4).await;
        assert_eq!(
            kinds(&answers),
            ["sent", "rejected", "transient", "sent"],
            "{name}"
        );
        assert_eq!(gateway.requests().len(), 1, "{name}");
        assert_eq!(gateway.requests()[0].endpoint, "sendbulk", "{name}");
        assert_eq!(gateway.accepted_count(), 2, "{name}");
    }
}

/// The answer repeats the digits without `+`: read as a local number they are none, and the message would be unknown.
#[tokio::test]
async fn a_message_abroad_is_known_by_its_number() {
    for (name, personality) in family() {
        let gateway = start(personality).await;
        for number in ["+255712345678", "+61491570006", "+256772123456"] {
            let text = SmsText::new("Karibu").unwrap();
            let message = SmsMessage::new(number.parse().unwrap(), text);
            let context = SendContext::new(JobId::new(), Duration::from_secs(5));
            let receipt = client(&gateway).send(&message, &context).await;
            receipt.expect(name);
        }
        assert_eq!(gateway.accepted_count(), 3, "{name}");
    }
}

#[tokio::test]
async fn a_message_without_an_id_is_sent_all_the_same() {
    for ids in [IdForm::Absent, IdForm::NoneText] {
        let mut personality = Personality::salum();
        personality.message_ids = ids;
        let gateway = start(personality).await;
        assert_eq!(send(&client(&gateway), 1).await.unwrap().message_id, None);
    }
}

#[tokio::test]
async fn the_slash_is_as_the_gateway_wants_it() {
    for (rule, slash) in [
        (SlashRule::EmptyWithSlash, false),
        (SlashRule::EmptyWithoutSlash, true),
    ] {
        let mut personality = Personality::salum();
        personality.slash = rule;
        let gateway = start(personality).await;
        let right = gateway
            .salum_options()
            .trailing_slash(slash)
            .build()
            .unwrap();
        send(&right, 1).await.unwrap();
        let wrong = gateway
            .salum_options()
            .trailing_slash(!slash)
            .build()
            .unwrap();
        // An empty answer proves nothing.
        let error = send(&wrong, 2).await.unwrap_err();
        assert_eq!(error.kind(), ProviderErrorKind::Unknown);
    }
}

#[tokio::test]
async fn every_code_has_its_kind_as_a_row_and_as_a_flat_refusal() {
    use ProviderErrorKind::{Misconfigured, Rejected, Transient};
    let five_minutes = Transient {
        after: Some(Duration::from_secs(300)),
    };
    for refuses_flat in [false, true] {
        let mut personality = Personality::salum();
        personality.refuses_flat = refuses_flat;
        let gateway = start(personality).await;
        let salum = client(&gateway);
        for (code, kind) in [
            (1001, Misconfigured),
            (1002, Rejected),
            (1003, Rejected),
            // There is credit, so it is the number.
            (1004, Rejected),
            (1005, TRANSIENT),
            (1006, Misconfigured),
            (1007, TRANSIENT),
            (1009, Rejected),
            (1010, Misconfigured),
            (1012, TRANSIENT),
            (1104, TRANSIENT),
            (4090, five_minutes),
            (4091, Misconfigured),
            (4092, Misconfigured),
            (4093, Misconfigured),
            (7777, TRANSIENT),
        ] {
            gateway.number(&number(1), code);
            let error = send(&salum, 1).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{code}");
            assert_eq!(error.provider_code(), Some(code.to_string().as_str()));
        }
        assert_eq!(gateway.accepted_count(), 0);
    }
}

#[tokio::test]
async fn wrong_credentials_hold_the_provider() {
    let gateway = Gateway::start().await.unwrap();
    for (key, partner, shortcode, code) in [
        ("wrong", "1234", "TEST", "1006"),
        ("test-key", "wrong", "TEST", "1006"),
        // The sender id is case sensitive.
        ("test-key", "1234", "test", "1001"),
    ] {
        let options = SalumOptions::new(key, partner, shortcode).url(gateway.url());
        let error = send(&options.build().unwrap(), 1).await.unwrap_err();
        assert_eq!(error.kind(), ProviderErrorKind::Misconfigured);
        assert_eq!(error.provider_code(), Some(code));
    }
}

#[tokio::test]
async fn low_credit_is_told_from_a_number_that_cannot_be_reached() {
    let mut personality = Personality::celcom();
    personality.slash = SlashRule::Either;
    // Nested `mobile`, codes as text; one credit and a half is left.
    let gateway = Gateway::builder()
        .personality(personality)
        .credit_cents(150)
        .start()
        .await
        .unwrap();
    let salum = client(&gateway);
    gateway.number(&number(9), 1004);
    let error = send(&salum, 9).await.unwrap_err();
    assert_eq!(error.kind(), ProviderErrorKind::Rejected);
    send(&salum, 1).await.unwrap();
    let error = send(&salum, 2).await.unwrap_err();
    assert_eq!(error.kind(), ProviderErrorKind::Misconfigured);
    assert_eq!(error.provider_code(), Some("1004"));
    // When the balance can't be learnt, nobody's number is blamed.
    gateway.next(1, Fault::flat(1004));
    gateway.next(1, Fault::status(500));
    let error = send(&salum, 9).await.unwrap_err();
    assert_eq!(error.kind(), ProviderErrorKind::Misconfigured);
}

#[tokio::test]
async fn a_text_outside_the_alphabet_is_transliterated_refused_or_allowed() {
    use crate::sms::TextPolicy;
    let gateway = Gateway::start().await.unwrap();
    let context = SendContext::new(JobId::new(), Duration::from_secs(5));
    let text = |text: &str| SmsMessage::new(number(1), SmsText::new(text).unwrap());
    let salum = client(&gateway);
    salum.send(&text("It’s – 1…"), &context).await.unwrap();
    assert_eq!(gateway.accepted()[0].message, "It's - 1...");
    let error = salum.send(&text("😀"), &context).await.unwrap_err();
    assert_eq!(error.kind(), ProviderErrorKind::Rejected);
    assert_eq!(gateway.requests().len(), 1);
    let options = gateway.salum_options().text_policy(TextPolicy::Allow);
    options
        .build()
        .unwrap()
        .send(&text("😀"), &context)
        .await
        .unwrap();
    assert_eq!(gateway.accepted()[1].message, "😀");
}
