//! What goes wrong on the way: what is surely not sent, and what nobody can know.

use super::*;
use crate::testing::gateway::{Fault, RowFault};

#[tokio::test]
async fn every_fault_has_its_kind_whether_the_message_was_sent_or_not() {
    use ProviderErrorKind::{Misconfigured, Rejected, Throttled, Transient, Unknown};
    let seconds = Duration::from_secs;
    let throttled = |after| Throttled { after };
    let gateway = start().await;
    let client = client(&gateway);
    for (fault, kind) in [
        (Fault::cut(), Unknown),
        (Fault::cut().after_accepting(), Unknown),
        (Fault::cut_after(40), Unknown),
        (Fault::cut_after(180), Unknown),
        (Fault::truncated(), Unknown),
        (Fault::body(""), Unknown),
        (Fault::body("<html>"), Unknown),
        (Fault::body("null"), Unknown),
        (
            Fault::body("The supplied authentication is invalid").after_accepting(),
            Unknown,
        ),
        (
            Fault::body(r#"{"SMSMessageData":{"Recipients":[]}}"#).after_accepting(),
            Unknown,
        ),
        (Fault::endless(), Unknown),
        (Fault::length_lie(10 * 1024 * 1024 * 1024), Unknown),
        (Fault::status(500), Unknown),
        (Fault::status(502).after_accepting(), Unknown),
        (Fault::status(504), Unknown),
        (Fault::status(503), TRANSIENT),
        (
            Fault::status_retry_after(503, "7"),
            Transient {
                after: Some(seconds(7)),
            },
        ),
        (Fault::status(429), throttled(seconds(10))),
        (
            Fault::status_retry_after(429, "2.5"),
            throttled(Duration::from_millis(2500)),
        ),
        (
            Fault::status_retry_after(429, "999999999"),
            throttled(seconds(3600)),
        ),
        (Fault::status_retry_after(429, "-1"), throttled(seconds(10))),
        (
            Fault::status_retry_after(429, "soon"),
            throttled(seconds(10)),
        ),
        (Fault::status(400), Rejected),
        (Fault::status(401), Misconfigured),
        (Fault::status(302), Misconfigured),
        // Refused as a whole, by name.
        (Fault::flat(402), Misconfigured),
        (Fault::flat(405), Misconfigured),
        (Fault::flat(500), TRANSIENT),
        (Fault::flat(777), TRANSIENT),
        (Fault::rows(RowFault::Contradicting), Unknown),
    ] {
        let name = format!("{fault:?}");
        gateway.next(1, fault);
        let error = send(&client, 1).await.expect_err(&name);
        assert_eq!(error.kind(), kind, "{name}: {error}");
        // The next one is not affected.
        send(&client, 2)
            .await
            .unwrap_or_else(|error| panic!("after {name}: {error}"));
    }
}

#[tokio::test]
async fn rows_about_others_do_not_count_and_a_repeated_one_counts_once() {
    let gateway = start().await;
    let client = client(&gateway);
    for fault in [RowFault::Shuffled, RowFault::Repeated, RowFault::Foreign] {
        gateway.next(1, Fault::rows(fault));
        let receipt = send(&client, 1).await.unwrap();
        assert_eq!(
            receipt.message_id,
            gateway.accepted().pop().unwrap().message_id
        );
    }
    let foreign = r#"{"SMSMessageData":{"Message":"","Recipients":[{"statusCode":101,"number":"+254799999999","status":"Success"}]}}"#;
    gateway.next(1, Fault::body(foreign));
    let error = send(&client, 1).await.unwrap_err();
    assert_eq!(error.kind(), ProviderErrorKind::Unknown);
}

#[tokio::test]
async fn late_answers_are_unknown_at_the_callers_own_timeout() {
    let gateway = start().await;
    let client = client(&gateway);
    for fault in [
        Fault::hang(),
        Fault::slow(Duration::from_secs(60)),
        Fault::trickle(Duration::from_secs(1)),
    ] {
        gateway.next(1, fault);
        let started = std::time::Instant::now();
        let error = send_within(&client, 1, Duration::from_millis(300)).await;
        assert_eq!(error.unwrap_err().kind(), ProviderErrorKind::Unknown);
        assert!(started.elapsed() < Duration::from_secs(2));
    }
    gateway.next(1, Fault::trickle(Duration::from_micros(100)));
    send(&client, 2).await.unwrap();
}

#[tokio::test]
async fn nobody_listening_and_no_time_left_are_surely_not_sent() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let gateway = start().await;
    let nobody = options(&gateway).url(url).build().unwrap();
    let error = send(&nobody, 1).await.unwrap_err();
    assert_eq!(error.to_string(), "transient: could not connect: refused");
    let error = send_within(&client(&gateway), 1, Duration::ZERO).await;
    assert_eq!(error.unwrap_err().kind(), TRANSIENT);
    assert!(gateway.requests().is_empty());
}

#[tokio::test]
async fn an_earlier_send_cannot_be_asked_about() {
    use crate::clock::Timestamp;
    use crate::provider::{Answer, Inquiry};
    let gateway = start().await;
    let (message, timeout) = (message(1), Duration::from_secs(5));
    let inquiry = Inquiry::new(
        JobId::new(),
        1,
        Timestamp::from_millis(0),
        &message,
        timeout,
    );
    let answer = client(&gateway).inquire(&inquiry).await;
    assert_eq!(answer, Ok(Answer::CannotTell));
    assert!(gateway.requests().is_empty());
}
