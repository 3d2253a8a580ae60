//! Keys, numbers and texts stay out of whatever may be logged.

use super::*;
use crate::testing::gateway::Fault;

const TOKEN: &str = "canary-token-31415926535";

#[tokio::test]
async fn no_error_shows_a_key_a_number_or_a_text() {
    let personality = TwilioPersonality {
        auth_token: TOKEN.into(),
        ..TwilioPersonality::default()
    };
    let gateway = builder().personality(personality).start().await.unwrap();
    let callback = "https://app.example/reports/canary-callback";
    let twilio = options(&gateway).status_callback(callback).build().unwrap();
    let mut shown = format!(
        "{twilio:?} {:?}",
        options(&gateway).status_callback(callback)
    );
    let hostile = format!(
        r#"{{"code":29999,"message":"Karibu 1 to +254712000001 with {TOKEN}","status":400}}"#
    );
    let odd = [
        format!(r#"{{"code":"{TOKEN}","message":"{TOKEN}","status":"{TOKEN}"}}"#),
        format!(r#"{{"sid":"{TOKEN}","status":"{TOKEN}","to":"{TOKEN}"}}"#),
        format!(
            r#"{{"sid":"SM00000000000000000000000000000000","status":"failed","error_code":29999,"error_message":"{TOKEN}"}}"#
        ),
    ];
    for fault in odd.map(Fault::body).into_iter().chain([
        Fault::body(hostile.as_str()),
        Fault::body(format!("<p>{TOKEN}</p>")),
        Fault::flat(21211),
        Fault::flat(29999),
        Fault::status_retry_after(429, TOKEN),
        Fault::status(500),
        Fault::cut(),
        Fault::length_lie(1 << 40),
    ]) {
        gateway.next(1, fault);
        let error = send(&twilio, 1).await.unwrap_err();
        shown += &format!(" {error} {error:?}");
    }
    let url = format!("https://{TOKEN}@sms.example/");
    let error = options(&gateway).url(url).build().unwrap_err();
    shown += &format!(" {error} {error:?}");
    let error = options(&gateway)
        .status_callback("http://canary.example/")
        .build();
    shown += &format!(" {:?}", error.unwrap_err());
    let token = TwilioOptions::new("canary-sid", TOKEN, TwilioSender::From("TEST".into()));
    shown += &format!(" {:?}", token.build().unwrap_err());
    drop(gateway);
    if let Err(error) = send(&twilio, 1).await {
        shown += &format!(" {error} {error:?}");
    }
    for secret in ["canary", "31415926535", "712000001", "712345678", "Karibu"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
