//! Keys, numbers and texts stay out of whatever may be logged.

use super::*;
use crate::testing::gateway::Fault;

const KEY: &str = "canary-key-31415926535";

#[tokio::test]
async fn no_error_shows_a_key_a_number_or_a_text() {
    let personality = AfricasTalkingPersonality {
        api_key: KEY.into(),
        username: "canary-app".into(),
        ..AfricasTalkingPersonality::default()
    };
    let gateway = builder().personality(personality).start().await.unwrap();
    let client = client(&gateway);
    let mut shown = format!("{client:?} {:?}", options(&gateway));
    let hostile = format!("Karibu 1 to +254712000001 with {KEY}");
    let whole = format!(r#"{{"SMSMessageData":{{"Message":"{hostile}","Recipients":[]}}}}"#);
    let row = format!(
        r#"{{"SMSMessageData":{{"Message":"{hostile}","Recipients":[{{"statusCode":450,"number":"+254712000001","status":"{hostile}"}}]}}}}"#
    );
    let odd = format!(
        r#"{{"SMSMessageData":{{"Message":"{KEY}","Recipients":[{{"statusCode":"{KEY}","number":"+254712000001","status":"{KEY}","messageId":"{KEY}"}}]}}}}"#
    );
    for fault in [
        Fault::body(odd),
        Fault::body(whole),
        Fault::body(row),
        Fault::body(hostile),
        Fault::flat(402),
        Fault::status_retry_after(429, KEY),
        Fault::status(500),
        Fault::cut(),
        Fault::length_lie(1 << 40),
    ] {
        gateway.next(1, fault);
        let error = send(&client, 1).await.unwrap_err();
        shown += &format!(" {error} {error:?}");
    }
    let url = format!("https://{KEY}@sms.example/");
    let error = options(&gateway).url(url).build().unwrap_err();
    shown += &format!(" {error} {error:?}");
    let error = AfricasTalkingOptions::new("app", format!("{KEY}\n\0")).build();
    shown += &format!(" {:?}", error.unwrap_err());
    drop(gateway);
    if let Err(error) = send(&client, 1).await {
        shown += &format!(" {error} {error:?}");
    }
    for secret in ["canary", "31415926535", "712000001", "Karibu"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
