//! What goes over the wire.

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::provider::http::golden;

const CREATED: &str =
    r#"{"sid":"SM00000000000000000000000000000001","status":"queued","num_segments":"1"}"#;

#[tokio::test]
async fn a_create_is_exactly_this() {
    let (address, request) = golden::one_request("201 Created", CREATED).await;
    let sid = "AC00000000000000000000000000000001";
    let key = "SK00000000000000000000000000000001";
    let sender = TwilioSender::From("+15005550006".into());
    let clock = ManualClock::default();
    let twilio = TwilioOptions::with_api_key(sid, key, "secret", sender)
        .url(format!("http://{address}"))
        .status_callback("https://app.example/reports?token=1")
        .clock(clock.clone())
        .build()
        .unwrap();
    let mut context = SendContext::new(JobId::new(), Duration::from_secs(5));
    context.attempt = 2;
    context.deadline = Some(clock.now().saturating_add(Duration::from_millis(90_500)));
    let receipt = twilio.send(&message(1), &context).await.unwrap();
    assert_eq!(
        receipt.message_id.as_deref(),
        Some("SM00000000000000000000000000000001")
    );
    let (head, body) = request.await.unwrap();
    let mut lines: Vec<&str> = head.lines().collect();
    lines.sort_unstable();
    let token = format!("i-twilio-idempotency-token: {}", context.job);
    let host = format!("host: {address}");
    let agent = format!("user-agent: queue/{}", env!("CARGO_PKG_VERSION"));
    let length = format!("content-length: {}", body.len());
    let mut expected = vec![
        "POST /2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json HTTP/1.1",
        "accept: application/json",
        // `SK00000000000000000000000000000001:secret`.
        "authorization: Basic U0swMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTpzZWNyZXQ=",
        "content-type: application/x-www-form-urlencoded",
        &token,
        &host,
        &agent,
        &length,
    ];
    expected.sort_unstable();
    assert_eq!(lines, expected);
    assert_eq!(
        body,
        "To=%2B254712000001&From=%2B15005550006&Body=Karibu+1&Attempt=2&ValidityPeriod=90\
         &StatusCallback=https%3A%2F%2Fapp.example%2Freports%3Ftoken%3D1"
    );
}

#[tokio::test]
async fn a_message_is_sent_by_number_and_by_service() {
    let gateway = start().await;
    let clock = ManualClock::default();
    let twilio = options(&gateway).clock(clock.clone()).build().unwrap();
    let mut context = SendContext::new(JobId::new(), Duration::from_secs(5));
    context.deadline = Some(clock.now().saturating_add(Duration::from_secs(600)));
    let receipt = twilio.send(&message(1), &context).await.unwrap();
    let row = gateway.accepted().pop().unwrap();
    assert_eq!(
        (row.mobile.as_str(), row.message.as_str()),
        ("+254712000001", "Karibu 1")
    );
    assert_eq!((receipt.provider.as_str(), receipt.segments), ("twilio", 1));
    assert_eq!(receipt.message_id, row.message_id);
    assert_eq!(row.validity, Some(Duration::from_secs(600)));
    assert_eq!(row.idempotency_key, Some(context.job.to_string()));

    let service = TwilioSender::MessagingService("MG00000000000000000000000000000001".into());
    let sid = "AC00000000000000000000000000000001";
    let twilio = TwilioOptions::new(sid, "test-token", service).url(gateway.url());
    // Nobody has counted the segments yet, so our own count is taken.
    let text = SmsText::new("a".repeat(161)).unwrap();
    let context = SendContext::new(JobId::new(), Duration::from_secs(5));
    let receipt = twilio
        .build()
        .unwrap()
        .send(&SmsMessage::new(number(2), text), &context)
        .await
        .unwrap();
    assert_eq!(receipt.segments, 2);
    assert_eq!(gateway.accepted()[1].validity, None);
}

/// Nobody knows whether Twilio deduplicates by the header: with and without it, every attempt carries the same one.
#[tokio::test]
async fn attempts_of_one_job_carry_one_key() {
    for (honours, sent) in [(false, 2), (true, 1)] {
        let personality = TwilioPersonality {
            honours_idempotency: honours,
            ..TwilioPersonality::default()
        };
        let gateway = builder().personality(personality).start().await.unwrap();
        let twilio = client(&gateway);
        let mut context = SendContext::new(JobId::new(), Duration::from_secs(5));
        let first = twilio.send(&message(1), &context).await.unwrap();
        context.attempt = 2;
        let second = twilio.send(&message(1), &context).await.unwrap();
        assert_eq!(gateway.accepted_count(), sent);
        assert_eq!(first == second, honours);
        assert_eq!(gateway.duplicates().len(), sent - 1);
    }
}
