//! Every code of the table, in every form that answers have.

use super::*;
use crate::sms::TextPolicy;
use crate::testing::gateway::Fault;

/// All oddities that must make no difference.
fn personalities() -> Vec<(&'static str, AfricasTalkingPersonality)> {
    let odd = |change: fn(&mut AfricasTalkingPersonality)| {
        let mut personality = AfricasTalkingPersonality::default();
        change(&mut personality);
        personality
    };
    vec![
        ("plain", odd(|_| {})),
        ("codes as text", odd(|p| p.codes_as_text = true)),
        ("no codes", odd(|p| p.without_codes = true)),
        ("no plus", odd(|p| p.numbers_without_plus = true)),
        ("refused as a whole", odd(|p| p.refuses_as_a_whole = true)),
    ]
}

#[tokio::test]
async fn every_code_has_its_kind_and_its_mark_in_every_form() {
    use ProviderErrorKind::{Misconfigured, Rejected};
    for (name, personality) in personalities() {
        let gateway = builder().personality(personality).start().await.unwrap();
        let client = client(&gateway);
        for (code, kind, mark) in [
            (401, Misconfigured, ""),
            (402, Misconfigured, ""),
            (403, Rejected, ""),
            (404, Rejected, ""),
            (405, Misconfigured, ""),
            (406, Rejected, "opt-out"),
            (407, Rejected, "elsewhere"),
            (409, Rejected, ""),
            (500, TRANSIENT, ""),
            (501, TRANSIENT, ""),
            (502, Rejected, "elsewhere"),
        ] {
            gateway.number(&number(1), code);
            let error = send(&client, 1).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{name}: {code}");
            assert_eq!(error.provider_code(), Some(code.to_string().as_str()));
            assert_eq!(
                error.may_help_elsewhere(),
                mark == "elsewhere",
                "{name}: {code}"
            );
            assert_eq!(error.is_opt_out(), mark == "opt-out", "{name}: {code}");
        }
        assert_eq!(gateway.accepted_count(), 0, "{name}");
        let receipt = send(&client, 2).await.expect(name);
        let row = gateway.accepted().pop().unwrap();
        assert_eq!(receipt.message_id, row.message_id, "{name}");
        assert!(receipt.message_id.is_some(), "{name}");
    }
}

#[tokio::test]
async fn codes_that_nobody_documents_go_by_their_hundreds() {
    let gateway = start().await;
    let client = client(&gateway);
    for (code, kind) in [
        (450, ProviderErrorKind::Rejected),
        (550, TRANSIENT),
        (103, ProviderErrorKind::Unknown),
        (999, ProviderErrorKind::Unknown),
    ] {
        gateway.number(&number(1), code);
        let error = send(&client, 1).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{code}");
    }
}

#[tokio::test]
async fn every_acceptance_is_a_receipt_with_or_without_an_id() {
    let row = |code: u32| {
        format!(
            r#"{{"SMSMessageData":{{"Message":"","Recipients":[{{"statusCode":{code},"number":"+254712000001","status":"Success","messageId":"ATXid_1"}}]}}}}"#
        )
    };
    let gateway = start().await;
    for code in [100, 101, 102] {
        gateway.next(1, Fault::body(row(code)));
        let receipt = send(&client(&gateway), 1).await.unwrap();
        assert_eq!(receipt.message_id.as_deref(), Some("ATXid_1"));
        assert_eq!(
            (receipt.provider.as_str(), receipt.segments),
            ("africas_talking", 1)
        );
    }
    let personality = AfricasTalkingPersonality {
        without_ids: true,
        ..AfricasTalkingPersonality::default()
    };
    let gateway = builder().personality(personality).start().await.unwrap();
    assert_eq!(send(&client(&gateway), 1).await.unwrap().message_id, None);
}

#[tokio::test]
async fn wrong_settings_hold_the_provider() {
    let gateway = start().await;
    for (username, key, from, code) in [
        ("test-app", "wrong", "TEST", "http-401"),
        ("wrong", "test-key", "TEST", "http-401"),
        ("test-app", "test-key", "test", "402"),
    ] {
        let options = AfricasTalkingOptions::new(username, key).from(from);
        let client = options.url(gateway.url()).build().unwrap();
        let error = send(&client, 1).await.unwrap_err();
        assert_eq!(error.kind(), ProviderErrorKind::Misconfigured);
        assert_eq!(error.provider_code(), Some(code));
    }
    // Without a sender of its own it is from the shared one.
    let client = AfricasTalkingOptions::new("test-app", "test-key").url(gateway.url());
    send(&client.build().unwrap(), 1).await.unwrap();
}

#[tokio::test]
async fn an_empty_account_holds_the_provider() {
    let gateway = builder().credit_cents(100).start().await.unwrap();
    let client = client(&gateway);
    send(&client, 1).await.unwrap();
    let error = send(&client, 2).await.unwrap_err();
    assert_eq!(error.kind(), ProviderErrorKind::Misconfigured);
    assert_eq!(error.provider_code(), Some("405"));
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    for (options, expected) in [
        (
            AfricasTalkingOptions::new(" ", "").from(" "),
            "set username, api_key, from",
        ),
        (
            AfricasTalkingOptions::new("app", "a\nb"),
            "the API key is not a key: it has characters that can't be sent in a header",
        ),
        (
            AfricasTalkingOptions::new("app", "key").url("http://sms.example/"),
            "the API's address (AFRICASTALKING_API_URL) is not usable: the address is http: on another machine: use https:, or allow insecure HTTP in the options",
        ),
    ] {
        let error: AfricasTalkingError = options.build().unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn a_text_outside_the_alphabet_is_allowed_transliterated_or_refused() {
    let gateway = start().await;
    let context = SendContext::new(JobId::new(), Duration::from_secs(5));
    let message = SmsMessage::new(number(1), SmsText::new("It’s").unwrap());
    for policy in [TextPolicy::Allow, TextPolicy::Transliterate] {
        let client = options(&gateway).text_policy(policy).build().unwrap();
        client.send(&message, &context).await.unwrap();
    }
    let client = options(&gateway)
        .text_policy(TextPolicy::Refuse)
        .build()
        .unwrap();
    let error = client.send(&message, &context).await.unwrap_err();
    assert_eq!(error.kind(), ProviderErrorKind::Rejected);
    let texts: Vec<_> = gateway
        .accepted()
        .into_iter()
        .map(|row| row.message)
        .collect();
    assert_eq!(texts, ["It’s", "It's"]);
}
