//! What goes wrong on the way: what is surely not sent, and what nobody can know.

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::testing::gateway::Fault;

#[tokio::test]
async fn every_fault_has_its_kind_whether_the_message_was_sent_or_not() {
    use ProviderErrorKind::{Misconfigured, Rejected, Throttled, Transient, Unknown};
    let seconds = Duration::from_secs;
    let throttled = |after| Throttled { after };
    let gateway = start().await;
    let twilio = client(&gateway);
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
            Fault::body(r#"{"sid":"CA00000000000000000000000000000001","status":"queued"}"#),
            Unknown,
        ),
        (
            Fault::body(r#"{"code":21211,"status":400}"#).after_accepting(),
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
        (Fault::flat(20429), throttled(seconds(10))),
        (Fault::status(400), Rejected),
        (Fault::status(401), Misconfigured),
        (Fault::status(404), Misconfigured),
        (Fault::status(302), Misconfigured),
    ] {
        let name = format!("{fault:?}");
        gateway.next(1, fault);
        let error = send(&twilio, 1).await.expect_err(&name);
        assert_eq!(error.kind(), kind, "{name}: {error}");
        // The next one is not affected.
        send(&twilio, 2)
            .await
            .unwrap_or_else(|error| panic!("after {name}: {error}"));
    }
}

#[tokio::test]
async fn late_answers_are_unknown_at_the_callers_own_timeout() {
    let gateway = start().await;
    let twilio = client(&gateway);
    for fault in [
        Fault::hang(),
        Fault::slow(Duration::from_secs(60)),
        Fault::trickle(Duration::from_secs(1)),
    ] {
        gateway.next(1, fault);
        let started = std::time::Instant::now();
        let error = send_within(&twilio, 1, Duration::from_millis(300)).await;
        assert_eq!(error.unwrap_err().kind(), ProviderErrorKind::Unknown);
        assert!(started.elapsed() < Duration::from_secs(2));
    }
    gateway.next(1, Fault::trickle(Duration::from_micros(100)));
    send(&twilio, 2).await.unwrap();
}

#[tokio::test]
async fn nobody_listening_is_surely_not_sent() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let gateway = start().await;
    let twilio = options(&gateway).url(url).build().unwrap();
    let error = send(&twilio, 1).await.unwrap_err();
    assert_eq!(error.to_string(), "transient: could not connect: refused");
}

#[tokio::test]
async fn a_message_without_time_is_not_sent() {
    let gateway = start().await;
    let clock = ManualClock::default();
    let twilio = options(&gateway).clock(clock.clone()).build().unwrap();
    let error = send_within(&twilio, 1, Duration::ZERO).await.unwrap_err();
    assert_eq!(error.kind(), TRANSIENT);
    let mut context = SendContext::new(JobId::new(), Duration::from_secs(5));
    for left in [0, 1, 999] {
        context.deadline = Some(clock.now().saturating_add(Duration::from_millis(left)));
        let error = twilio.send(&message(1), &context).await.unwrap_err();
        assert_eq!(error.kind(), TRANSIENT, "{left} ms");
    }
    assert!(gateway.requests().is_empty());
}

#[tokio::test]
async fn a_question_is_never_unknown() {
    use ProviderErrorKind::{Misconfigured, Rejected, Throttled};
    let gateway = start().await;
    let twilio = client(&gateway);
    let id = send(&twilio, 1).await.unwrap().message_id.unwrap();
    let after = Duration::from_secs(3);
    for (fault, kind) in [
        (Fault::cut(), TRANSIENT),
        (Fault::truncated(), TRANSIENT),
        (Fault::body(""), TRANSIENT),
        (Fault::endless(), TRANSIENT),
        (Fault::status(500), TRANSIENT),
        (Fault::status_retry_after(429, "3"), Throttled { after }),
        (Fault::flat(20003), Misconfigured),
        (Fault::flat(20404), Rejected),
    ] {
        gateway.next(1, fault.clone());
        let error = twilio.message(&id).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{fault:?}");
    }
    let before = gateway.requests().len();
    for wrong in [
        "",
        "SM1",
        "../Messages",
        "SM0000000000000000000000000000000/",
    ] {
        let error = twilio.message(wrong).await.unwrap_err();
        assert_eq!(error.kind(), Rejected, "{wrong}");
    }
    assert_eq!(gateway.requests().len(), before);
}
