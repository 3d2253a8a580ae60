//! Africa's Talking: what it refuses, and what it posts.

use super::*;

const FORM_TYPE: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const HEADERS: &str = "apiKey: test-key\r\nAccept: application/json\r\n";
const GOOD: &str = "username=test-app&to=%2B254712345678&message=Karibu&bulkSMSMode=1&enqueue=0";

async fn start(builder: GatewayBuilder) -> Gateway {
    let personality = AfricasTalkingPersonality::default();
    builder.personality(personality).start().await.unwrap()
}

async fn post(gateway: &Gateway, headers: &str, form: &str) -> String {
    let address = gateway.address();
    ask_with(address, "POST /version1/messaging", headers, form).await
}

#[tokio::test]
async fn it_is_strict() {
    let gateway = start(Gateway::builder()).await;
    let headers = format!("{HEADERS}{FORM_TYPE}");
    let wrong_key = headers.replace("test-key", "x");
    let xml = headers.replace("application/json", "*/*");
    let json = format!("{HEADERS}Content-Type: application/json\r\n");
    for (headers, form, status) in [
        (headers.as_str(), GOOD.to_owned(), "201"),
        (FORM_TYPE, GOOD.to_owned(), "401"),
        (&wrong_key, GOOD.to_owned(), "401"),
        (&headers, GOOD.replace("test-app", "other"), "401"),
        (&xml, GOOD.to_owned(), "406"),
        (&json, GOOD.to_owned(), "415"),
        (&headers, GOOD.replace("username=test-app&", ""), "400"),
        (&headers, GOOD.replace("to=", "To="), "400"),
        (&headers, GOOD.replace("message=Karibu", "message="), "400"),
        (&headers, GOOD.replace("&bulkSMSMode=1", ""), "400"),
        (&headers, GOOD.replace("enqueue=0", "enqueue=no"), "400"),
        (&headers, format!("{GOOD}&message=Karibu"), "400"),
        (&headers, format!("{GOOD}&keyword=tea"), "400"),
    ] {
        let answer = post(&gateway, headers, &form).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{form}: {answer}"
        );
    }
    let answer = ask_with(gateway.address(), "GET /version1/messaging", &headers, "").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    // A number without `+`, or one whose `+` was not encoded, is none.
    for to in ["254712345678", "+254712345678"] {
        let form = GOOD.replace("%2B254712345678", to);
        let answer = post(&gateway, &headers, &form).await;
        assert!(answer.contains(r#""statusCode":403"#), "{answer}");
    }
    let answer = post(&gateway, &headers, &format!("{GOOD}&from=test")).await;
    assert!(
        answer.contains(r#"{"Message":"InvalidSenderId","Recipients":[]}"#),
        "{answer}"
    );
    assert_eq!(gateway.accepted_count(), 1);
}

#[tokio::test]
async fn each_recipient_has_its_row() {
    let gateway = start(Gateway::builder()).await;
    gateway.number(&"+254712345679".parse().unwrap(), 406);
    let headers = format!("{HEADERS}{FORM_TYPE}");
    let form = GOOD.replace("78&", "78%2C%2B254712345679&");
    let answer = post(&gateway, &headers, &form).await;
    for part in [
        r#""statusCode":101"#,
        r#""statusCode":406"#,
        "UserInBlacklist",
        "Sent to 1/2",
    ] {
        assert!(answer.contains(part), "{answer}");
    }
    assert_eq!(gateway.rows().len(), 2);
    assert_eq!(gateway.accepted_count(), 1);
}

#[tokio::test]
async fn reports_are_posted_as_forms() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut push = ReportPush::new(listener.local_addr().unwrap(), "/reports/token");
    push.unknown_id = true;
    let builder = Gateway::builder()
        .delivery([
            (Duration::ZERO, "Sent"),
            (Duration::ZERO, "Failed:UserInBlacklist"),
        ])
        .push(push);
    let gateway = start(builder).await;
    post(&gateway, &format!("{HEADERS}{FORM_TYPE}"), GOOD).await;
    let id = gateway.accepted()[0].message_id.clone().unwrap();
    for (own, status, reason) in [
        (false, "Failed", Some("UserInBlacklist")),
        (true, "Sent", None),
        (true, "Failed", Some("UserInBlacklist")),
    ] {
        let (head, body) = take(&listener).await;
        assert!(head.starts_with("POST /reports/token HTTP/1.1"), "{head}");
        let fields = fields(&body);
        assert_eq!(fields["id"] == id, own);
        assert_eq!(fields["phoneNumber"] == "+254712345678", own);
        assert_eq!(fields["status"], status);
        assert_eq!(fields.get("failureReason").map(String::as_str), reason);
    }
}
