//! Keys, numbers and texts stay out of whatever may be logged.

use super::*;
use crate::testing::gateway::Fault;

const KEY: &str = "canary-key-31415926535";
const PARTNER: &str = "canary-partner-2718";

#[tokio::test]
async fn no_error_shows_a_key_a_number_or_a_text() {
    let gateway = Gateway::builder()
        .account(KEY, PARTNER, "TEST")
        .start()
        .await
        .unwrap();
    let salum = client(&gateway);
    let hostile = format!(
        r#"{{"response-code":9999,"response-description":"Karibu 1 to 254712000001 with {KEY} and {PARTNER}"}}"#
    );
    let mut shown = format!("{salum:?} {:?}", gateway.salum_options());
    for fault in [
        Fault::body(hostile.as_str()),
        Fault::body(hostile.replace("9999", "1006")),
        Fault::body(format!("<p>{KEY}</p>")),
        Fault::status_retry_after(429, KEY),
        Fault::status(500),
        Fault::cut(),
        Fault::length_lie(1 << 40),
    ] {
        gateway.next(1, fault);
        let error = send(&salum, 1).await.unwrap_err();
        shown += &format!(" {error} {error:?}");
    }
    let url = format!("https://{KEY}:{PARTNER}@sms.example/");
    let error = gateway.salum_options().url(url).build().unwrap_err();
    shown += &format!(" {error} {error:?}");
    drop(gateway);
    if let Err(error) = send(&salum, 1).await {
        shown += &format!(" {error} {error:?}");
    }
    for secret in ["canary", "31415926535", "2718", "712000001", "Karibu"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

/// The forms in which a server may repeat what it was sent, of a key and an account without any digit.
fn echoes(key: &str, account: &str) -> [String; 5] {
    [
        format!("no account {account} with key {key}"),
        format!("apikey={key}, id={account}"),
        format!("'{}' is unknown; {}...", key.to_uppercase(), &key[..9]),
        format!("[{account}] to +254712000001/0712000001: Karibu,1"),
        format!("{{{account}:{key}}}"),
    ]
}

#[tokio::test]
async fn what_a_gateway_repeats_of_the_credentials_is_hidden_in_every_answer() {
    let (key, partner) = ("CanaryKey", "CanaryId");
    let gateway = Gateway::builder()
        .account(key, partner, "TEST")
        .start()
        .await
        .unwrap();
    let salum = client(&gateway);
    let mut shown = String::new();
    for echo in echoes(key, partner) {
        let flat = format!(r#"{{"response-code":9999,"response-description":"{echo}"}}"#);
        let row = format!(
            r#"{{"responses":[{{"respose-code":9999,"response-description":"{echo}","mobile":254712000001}}]}}"#
        );
        for answer in [&flat, &row] {
            gateway.next(1, Fault::body(answer.as_str()));
            let error = send(&salum, 1).await.unwrap_err();
            shown += &format!(" {error} {error:?}");
        }
        gateway.next(2, Fault::body(flat.as_str()));
        let error = salum.balance().await.unwrap_err();
        shown += &format!(" {error} {error:?}");
        let error = salum.delivery_report("1").await.unwrap_err();
        shown += &format!(" {error} {error:?}");
    }
    // The words are the gateway's: this test can fail.
    assert!(shown.contains("no account … with key …"), "{shown}");
    let shown = shown.to_lowercase();
    for secret in ["canary", "712000001", "karibu"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
