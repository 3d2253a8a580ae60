//! Delivery reports and balances.

use super::*;
use crate::delivery::{DeliveryFailure, DeliveryStatus};
use crate::testing::gateway::{Fault, Personality, SlashRule};

#[tokio::test]
async fn a_report_progresses() {
    let gateway = Gateway::builder()
        .delivery([
            (Duration::from_millis(100), "SentToNetwork"),
            (Duration::from_millis(200), "AbsentSubscriber"),
        ])
        .start()
        .await
        .unwrap();
    let salum = client(&gateway);
    let id = send(&salum, 1).await.unwrap().message_id.unwrap();
    let report = salum.delivery_report(&id).await.unwrap();
    assert_eq!(
        (report.status, report.code.as_deref()),
        (DeliveryStatus::Accepted, None)
    );
    for _ in 0..100 {
        let report = salum.delivery_report(&id).await.unwrap();
        if report.status.is_final() {
            assert_eq!(report.status, DeliveryStatus::Failed);
            assert_eq!(report.failure, Some(DeliveryFailure::Number));
            assert_eq!(report.code.as_deref(), Some("AbsentSubscriber"));
            assert_eq!((report.provider.as_str(), report.message_id), ("salum", id));
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the report never became final");
}

#[tokio::test]
async fn an_unknown_message_has_no_report_and_a_wrong_id_is_not_asked_about() {
    let gateway = Gateway::start().await.unwrap();
    let salum = client(&gateway);
    let report = salum.delivery_report("42").await.unwrap();
    assert_eq!(report.status, DeliveryStatus::Accepted);
    for wrong in ["", "a b", &"1".repeat(200)] {
        let error = salum.delivery_report(wrong).await.unwrap_err();
        assert_eq!(error.kind(), ProviderErrorKind::Rejected);
    }
    assert_eq!(gateway.requests().len(), 1);
}

#[tokio::test]
async fn the_balance_falls_by_segments() {
    let mut celcom = Personality::celcom();
    celcom.slash = SlashRule::Either;
    for personality in [Personality::salum(), celcom] {
        let gateway = Gateway::builder()
            .personality(personality)
            .credit_cents(1_000)
            .segment_cents(80)
            .start()
            .await
            .unwrap();
        let salum = client(&gateway);
        assert_eq!(salum.balance().await.unwrap().to_string(), "10.00");
        let text = SmsText::new("a".repeat(161)).unwrap();
        let context = SendContext::new(JobId::new(), Duration::from_secs(5));
        let receipt = salum
            .send(&SmsMessage::new(number(1), text), &context)
            .await;
        assert_eq!(receipt.unwrap().segments, 2);
        assert_eq!(salum.balance().await.unwrap().to_string(), "8.40");
    }
}

#[tokio::test]
async fn a_question_is_never_unknown() {
    use ProviderErrorKind::{Misconfigured, Throttled};
    let gateway = Gateway::start().await.unwrap();
    let salum = client(&gateway);
    let after = Duration::from_secs(3);
    for (fault, kind) in [
        (Fault::cut(), TRANSIENT),
        (Fault::body(""), TRANSIENT),
        (Fault::body(r#"{"response-code":200}"#), TRANSIENT),
        (Fault::endless(), TRANSIENT),
        (Fault::status(500), TRANSIENT),
        (Fault::status_retry_after(429, "3"), Throttled { after }),
        (Fault::flat(1006), Misconfigured),
    ] {
        gateway.next(1, fault.clone());
        let error = salum.balance().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{fault:?}");
    }
}
