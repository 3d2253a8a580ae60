//! What goes wrong on the way: what is surely not sent, and what nobody can know.

use super::*;
use crate::testing::gateway::{Fault, RowFault};

#[tokio::test]
async fn every_fault_has_its_kind_whether_the_message_was_sent_or_not() {
    use ProviderErrorKind::{Misconfigured, Rejected, Throttled, Transient, Unknown};
    let seconds = Duration::from_secs;
    let gateway = Gateway::start().await.unwrap();
    let salum = client(&gateway);
    for (fault, kind) in [
        (Fault::cut(), Unknown),
        (Fault::cut().after_accepting(), Unknown),
        (Fault::cut_after(40), Unknown),
        (Fault::cut_after(180), Unknown),
        (Fault::truncated(), Unknown),
        (Fault::body(""), Unknown),
        (Fault::body("<html>"), Unknown),
        (Fault::body("null"), Unknown),
        (Fault::body("OK").after_accepting(), Unknown),
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
        (Fault::status(429), Throttled { after: seconds(10) }),
        (
            Fault::status_retry_after(429, "2.5"),
            Throttled {
                after: Duration::from_millis(2500),
            },
        ),
        (
            Fault::status_retry_after(429, "999999999"),
            Throttled {
                after: seconds(3600),
            },
        ),
        (
            Fault::status_retry_after(429, "-1"),
            Throttled { after: seconds(10) },
        ),
        (
            Fault::status_retry_after(429, "soon"),
            Throttled { after: seconds(10) },
        ),
        (Fault::status(400), Rejected),
        (Fault::status(401), Misconfigured),
        (Fault::status(302), Misconfigured),
        (Fault::flat(1006), Misconfigured),
        (Fault::flat(4242), TRANSIENT),
        (Fault::rows(RowFault::Missing), Unknown),
        (Fault::rows(RowFault::Contradicting), Unknown),
    ] {
        let name = format!("{fault:?}");
        gateway.next(1, fault);
        let error = send(&salum, 1).await.expect_err(&name);
        assert_eq!(error.kind(), kind, "{name}: {error}");
        // The next one is not affected.
        send(&salum, 2)
            .await
            .unwrap_or_else(|error| panic!("after {name}: {error}"));
    }
}

#[tokio::test]
async fn harmless_oddities_of_rows_are_survived() {
    let gateway = Gateway::start().await.unwrap();
    let salum = client(&gateway);
    for fault in [
        RowFault::Shuffled,
        RowFault::Repeated,
        RowFault::Foreign,
        RowFault::WithoutClientIds,
    ] {
        gateway.next(1, Fault::rows(fault));
        send(&salum, 1).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_listening_is_surely_not_sent() {
    let gateway = Gateway::start().await.unwrap();
    let salum = client(&gateway);
    drop(gateway);
    // The listener closes a moment later.
    let mut answer = send(&salum, 1).await;
    for _ in 0..50 {
        if matches!(&answer, Err(error) if error.to_string().ends_with("refused")) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        answer = send(&salum, 1).await;
    }
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), TRANSIENT);
    assert_eq!(error.to_string(), "transient: could not connect: refused");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_surely_not_sent_to() {
    let gateway = Gateway::start().await.unwrap();
    let url = gateway.url().replace("http:", "https:");
    let Ok(salum) = gateway.salum_options().url(url).build() else {
        // A machine without trusted certificates.
        return;
    };
    let error = send(&salum, 1).await.unwrap_err();
    assert_eq!(error.kind(), TRANSIENT);
    assert_eq!(
        error.to_string(),
        "transient: could not connect: TLS failed"
    );
    assert!(gateway.requests().is_empty());
}

#[tokio::test]
async fn late_answers_are_unknown_at_the_callers_own_timeout() {
    let gateway = Gateway::start().await.unwrap();
    let salum = client(&gateway);
    for fault in [
        Fault::hang(),
        Fault::slow(Duration::from_secs(60)),
        Fault::trickle(Duration::from_secs(1)),
    ] {
        gateway.next(1, fault);
        let started = std::time::Instant::now();
        let error = send_within(&salum, 1, Duration::from_millis(300))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ProviderErrorKind::Unknown, "{error}");
        assert!(started.elapsed() < Duration::from_secs(2));
    }
    // A slow body that is in time is read whole.
    gateway.next(1, Fault::trickle(Duration::from_millis(1)));
    send(&salum, 2).await.unwrap();
}

#[tokio::test]
async fn a_message_without_time_is_not_sent() {
    let gateway = Gateway::start().await.unwrap();
    let error = send_within(&client(&gateway), 1, Duration::ZERO)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), TRANSIENT);
    assert!(gateway.requests().is_empty());
}
