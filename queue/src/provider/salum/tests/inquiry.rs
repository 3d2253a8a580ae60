//! Questions about earlier sends.

use super::*;
use crate::clock::Timestamp;
use crate::provider::{Answer, Inquiry};
use crate::testing::gateway::Fault;

async fn ask(salum: &Salum, id: Option<&str>) -> Result<Answer, ProviderError> {
    let message = message(1);
    let timeout = Duration::from_secs(5);
    let mut inquiry = Inquiry::new(
        JobId::new(),
        1,
        Timestamp::from_millis(0),
        &message,
        timeout,
    );
    inquiry.message_id = id.map(str::to_owned);
    salum.inquire(&inquiry).await
}

#[tokio::test]
async fn a_message_that_has_a_report_was_accepted() {
    let gateway = Gateway::builder()
        .delivery([(Duration::ZERO, "SentToNetwork")])
        .start()
        .await
        .unwrap();
    let salum = client(&gateway);
    let id = send(&salum, 1).await.unwrap().message_id.unwrap();
    for _ in 0..100 {
        if let Answer::Accepted(receipt) = ask(&salum, Some(&id)).await.unwrap() {
            assert_eq!(receipt, Receipt::new("salum").message_id(id));
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the gateway never had a report");
}

#[tokio::test]
async fn what_the_gateway_does_not_know_it_can_not_tell() {
    let gateway = Gateway::start().await.unwrap();
    let salum = client(&gateway);
    // Without an id, or with one that is none of the gateway's, nobody is asked.
    assert_eq!(ask(&salum, None).await, Ok(Answer::CannotTell));
    assert_eq!(ask(&salum, Some("a b")).await, Ok(Answer::CannotTell));
    assert!(gateway.requests().is_empty());
    assert_eq!(ask(&salum, Some("42")).await, Ok(Answer::CannotTell));
    assert_eq!(gateway.requests().len(), 1);
}

#[tokio::test]
async fn a_question_that_fails_says_so_and_is_never_unknown() {
    let gateway = Gateway::start().await.unwrap();
    let salum = client(&gateway);
    for (fault, kind) in [
        (Fault::cut(), TRANSIENT),
        (Fault::body(""), TRANSIENT),
        (Fault::status(500), TRANSIENT),
        (Fault::flat(1006), ProviderErrorKind::Misconfigured),
    ] {
        gateway.next(1, fault.clone());
        let error = ask(&salum, Some("42")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{fault:?}");
    }
}
