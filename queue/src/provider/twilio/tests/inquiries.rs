//! What became of an earlier send.

use super::*;
use crate::clock::{Clock, ManualClock, SystemClock, Timestamp};
use crate::provider::{Answer, Inquiry};
use crate::testing::gateway::{Fault, RowFault};

/// A clock that can be moved, and starts where the stand-in's is.
fn clock() -> ManualClock {
    ManualClock::new(SystemClock::default().now())
}

async fn ask(
    twilio: &Twilio,
    message: &SmsMessage,
    sent_at: Timestamp,
) -> Result<Answer, ProviderError> {
    let timeout = Duration::from_secs(5);
    let inquiry = Inquiry::new(JobId::new(), 1, sent_at, message, timeout);
    twilio.inquire(&inquiry).await
}

#[tokio::test]
async fn a_message_that_was_accepted_unseen_is_found() {
    for trial in [false, true] {
        let personality = TwilioPersonality {
            trial,
            ..TwilioPersonality::default()
        };
        let gateway = builder().personality(personality).start().await.unwrap();
        let twilio = client(&gateway);
        let sent_at = SystemClock::default().now();
        gateway.next(1, Fault::cut().after_accepting());
        let error = send(&twilio, 1).await.unwrap_err();
        assert_eq!(error.kind(), ProviderErrorKind::Unknown);
        let Answer::Accepted(receipt) = ask(&twilio, &message(1), sent_at).await.unwrap() else {
            panic!("not found");
        };
        let row = gateway.accepted().pop().unwrap();
        assert_eq!((receipt.message_id, receipt.segments), (row.message_id, 1));
        assert_eq!(gateway.accepted_count(), 1);
    }
}

#[tokio::test]
async fn a_message_that_never_came_is_not_sent_once_it_would_be_listed() {
    let gateway = start().await;
    let clock = clock();
    let twilio = options(&gateway).clock(clock.clone()).build().unwrap();
    let sent_at = clock.now();
    gateway.next(1, Fault::cut());
    send(&twilio, 1).await.unwrap_err();
    // Another text to the number, and the text to another number.
    send(&twilio, 2).await.unwrap();
    let other = SmsMessage::new(number(1), SmsText::new("Karibu 2").unwrap());
    let context = SendContext::new(JobId::new(), Duration::from_secs(5));
    twilio.send(&other, &context).await.unwrap();
    clock.advance(Duration::from_secs(20));
    let error = ask(&twilio, &message(1), sent_at).await.unwrap_err();
    let after = Some(Duration::from_secs(40));
    assert_eq!(error.kind(), ProviderErrorKind::Transient { after });
    clock.advance(Duration::from_secs(40));
    assert_eq!(
        ask(&twilio, &message(1), sent_at).await,
        Ok(Answer::NotSent)
    );
}

#[tokio::test]
async fn an_older_message_of_the_same_text_does_not_count() {
    let gateway = start().await;
    let clock = clock();
    let twilio = options(&gateway).clock(clock.clone()).build().unwrap();
    send(&twilio, 1).await.unwrap();
    clock.advance(Duration::from_secs(3600));
    let sent_at = clock.now();
    clock.advance(Duration::from_secs(60));
    assert_eq!(
        ask(&twilio, &message(1), sent_at).await,
        Ok(Answer::NotSent)
    );
}

#[tokio::test]
async fn a_message_far_down_the_list_is_found_and_one_beyond_is_not_denied() {
    let gateway = start().await;
    let twilio = client(&gateway);
    let sent_at = SystemClock::default().now();
    send(&twilio, 1).await.unwrap();
    let context = SendContext::new(JobId::new(), Duration::from_secs(5));
    let other = SmsMessage::new(number(1), SmsText::new("Karibu").unwrap());
    for _ in 0..250 {
        twilio.send(&other, &context).await.unwrap();
    }
    let answer = ask(&twilio, &message(1), sent_at).await.unwrap();
    assert!(matches!(answer, Answer::Accepted(_)), "{answer:?}");
    let lists = |gateway: &Gateway| {
        let requests = gateway.requests();
        requests
            .iter()
            .filter(|request| request.endpoint == "list")
            .count()
    };
    assert_eq!(lists(&gateway), 3);
    for _ in 0..250 {
        twilio.send(&other, &context).await.unwrap();
    }
    assert_eq!(
        ask(&twilio, &message(1), sent_at).await,
        Ok(Answer::CannotTell)
    );
    assert_eq!(lists(&gateway), 8);
}

#[tokio::test]
async fn a_message_that_twilio_could_not_send_may_be_sent_again_and_no_other() {
    for (progress, again) in [
        ("failed:30001", true),
        ("failed:30007", false),
        ("undelivered:30003", false),
        ("delivered", false),
        ("queued", false),
    ] {
        let gateway = builder()
            .delivery([(Duration::ZERO, progress)])
            .start()
            .await
            .unwrap();
        let clock = clock();
        let twilio = options(&gateway).clock(clock.clone()).build().unwrap();
        let sent_at = clock.now();
        gateway.next(1, Fault::cut().after_accepting());
        send(&twilio, 1).await.unwrap_err();
        clock.advance(Duration::from_secs(60));
        let answer = ask(&twilio, &message(1), sent_at).await.unwrap();
        assert_eq!(answer == Answer::NotSent, again, "{progress}");
    }
}

#[tokio::test]
async fn a_known_id_is_asked_about_directly() {
    let gateway = start().await;
    let twilio = client(&gateway);
    let id = send(&twilio, 1).await.unwrap().message_id.unwrap();
    let (message, timeout) = (message(1), Duration::from_secs(5));
    let inquiry = Inquiry::new(
        JobId::new(),
        1,
        SystemClock::default().now(),
        &message,
        timeout,
    );
    let answer = twilio
        .inquire(&inquiry.clone().message_id(id.as_str()))
        .await;
    assert!(matches!(answer, Ok(Answer::Accepted(receipt)) if receipt.message_id == Some(id)));
    assert_eq!(gateway.requests()[1].endpoint, "fetch");
    let stranger = inquiry.message_id("SM99999999999999999999999999999999");
    assert_eq!(twilio.inquire(&stranger).await, Ok(Answer::CannotTell));
}

#[tokio::test]
async fn a_list_that_makes_no_sense_decides_nothing() {
    let gateway = start().await;
    let clock = clock();
    let twilio = options(&gateway).clock(clock.clone()).build().unwrap();
    let sent_at = clock.now();
    send(&twilio, 1).await.unwrap();
    clock.advance(Duration::from_secs(120));
    for fault in [
        Fault::cut(),
        Fault::body(""),
        Fault::body(r#"{"messages":[{"sid":"SM1"}]}"#),
        Fault::truncated(),
        Fault::status(500),
        Fault::status(503),
        Fault::endless(),
    ] {
        gateway.next(1, fault.clone());
        let error = ask(&twilio, &message(1), sent_at).await.unwrap_err();
        assert_eq!(error.kind(), TRANSIENT, "{fault:?}");
    }
    for fault in [RowFault::Foreign, RowFault::Repeated, RowFault::Shuffled] {
        gateway.next(1, Fault::rows(fault));
        let answer = ask(&twilio, &message(1), sent_at).await.unwrap();
        assert!(matches!(answer, Answer::Accepted(_)), "{fault:?}");
    }
}

#[tokio::test]
async fn the_next_page_is_asked_for_at_our_own_address() {
    let gateway = start().await;
    let twilio = client(&gateway);
    let hostile = r#"{"messages":[],"next_page_uri":"https://evil.example/steal?To=%2B254712000001&PageSize=100"}"#;
    let sent_at = SystemClock::default().now();
    send(&twilio, 1).await.unwrap();
    gateway.next(1, Fault::body(hostile));
    let answer = ask(&twilio, &message(1), sent_at).await.unwrap();
    assert!(matches!(answer, Answer::Accepted(_)), "{answer:?}");
}
