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
