//! Twilio: what it refuses, what it shows, and what it calls back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::*;

const MESSAGES: &str = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json";
const FORM_TYPE: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const GOOD: &str = "To=%2B254712345678&From=TEST&Body=Karibu";

fn basic(user: &str, password: &str) -> String {
    let credentials = STANDARD.encode(format!("{user}:{password}"));
    format!("Authorization: Basic {credentials}\r\n")
}

fn own() -> String {
    basic("AC00000000000000000000000000000001", "test-token")
}

async fn start(change: impl FnOnce(&mut TwilioPersonality)) -> Gateway {
    let mut personality = TwilioPersonality::default();
    change(&mut personality);
    let gateway = Gateway::builder().personality(personality);
    gateway.start().await.unwrap()
}

async fn post(gateway: &Gateway, form: &str) -> String {
    let headers = format!("{}{FORM_TYPE}", own());
    ask_with(
        gateway.address(),
        &format!("POST {MESSAGES}"),
        &headers,
        form,
    )
    .await
}

async fn get(gateway: &Gateway, path: &str) -> String {
    ask_with(gateway.address(), &format!("GET {path}"), &own(), "").await
}

fn json(answer: &str) -> serde_json::Value {
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
}

#[tokio::test]
async fn it_is_strict_about_fields() {
    let gateway = start(|_| {}).await;
    let long = format!("{GOOD}{}", "a".repeat(1600));
    for (form, code) in [
        ("", 21604),
        ("From=TEST&Body=Karibu", 21604),
        ("To=254712345678&From=TEST&Body=Karibu", 21211),
        // A `+` that is not encoded is a space.
        ("To=+254712345678&From=TEST&Body=Karibu", 21211),
        ("To=%2B25471&From=TEST&Body=Karibu", 21211),
        ("To=%2B254712345678&Body=Karibu", 21603),
        ("To=%2B254712345678&From=test&Body=Karibu", 21606),
        (
            "To=%2B254712345678&MessagingServiceSid=MG1&Body=Karibu",
            21701,
        ),
        ("To=%2B254712345678&From=TEST", 21602),
        (&long, 21617),
        (
            "To=%2B254712345678&From=TEST&Body=Karibu&ValidityPeriod=0",
            21624,
        ),
        (
            "To=%2B254712345678&From=TEST&Body=Karibu&ValidityPeriod=36001",
            21624,
        ),
        (
            "To=%2B254712345678&From=TEST&Body=Karibu&ValidityPeriod=soon",
            21624,
        ),
        (
            "To=%2B254712345678&From=TEST&Body=Karibu&StatusCallback=me",
            21609,
        ),
        ("To=%2B254712345678&From=TEST&Body=Karibu&Attempt=0", 20001),
        (
            "To=%2B254712345678&From=TEST&Body=Karibu&SmartEncoded=1",
            20001,
        ),
        (
            "To=%2B254712345678&From=TEST&Body=Karibu&body=Karibu",
            20001,
        ),
        (
            "To=%2B254712345678&From=TEST&Body=Karibu&Body=Karibu",
            20001,
        ),
    ] {
        let answer = post(&gateway, form).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{form}: {answer}");
        assert_eq!(json(&answer)["code"], code, "{form}");
    }
    assert_eq!(gateway.accepted_count(), 0);
    assert!(post(&gateway, GOOD).await.starts_with("HTTP/1.1 201"));
}

#[tokio::test]
async fn it_is_strict_about_credentials_encoding_and_paths() {
    let gateway = start(|_| {}).await;
    let address = gateway.address();
    let post = format!("POST {MESSAGES}");
    let key = basic("SK00000000000000000000000000000001", "test-secret");
    for (head, headers, status) in [
        (post.as_str(), format!("{key}{FORM_TYPE}"), "201"),
        (&post, FORM_TYPE.to_owned(), "401"),
        (
            &post,
            format!("Authorization: Basic ?\r\n{FORM_TYPE}"),
            "401",
        ),
        (
            &post,
            format!(
                "{}{FORM_TYPE}",
                basic("AC00000000000000000000000000000001", "x")
            ),
            "401",
        ),
        (
            &post,
            format!(
                "{}{FORM_TYPE}",
                basic("SK00000000000000000000000000000001", "test-token")
            ),
            "401",
        ),
        (
            &post,
            format!("{}Content-Type: application/json\r\n", own()),
            "400",
        ),
        (
            &post.replace("0001/", "0002/"),
            format!("{}{FORM_TYPE}", own()),
            "401",
        ),
        // Without `.json` it would answer in XML.
        (
            &post.replace(".json", ""),
            format!("{}{FORM_TYPE}", own()),
            "404",
        ),
        ("POST /", own(), "404"),
        (
            "GET /2010-04-01/Accounts/AC00000000000000000000000000000001/Messages/SM1.json",
            own(),
            "404",
        ),
    ] {
        let answer = ask_with(address, head, &headers, GOOD).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{head} {headers}: {answer}"
        );
    }
    assert_eq!(gateway.accepted_count(), 1);
}

#[tokio::test]
async fn messages_are_listed_newest_first_in_pages() {
    let gateway = start(|_| {}).await;
    for n in 0..5 {
        post(
            &gateway,
            &format!("To=%2B254712345678&From=TEST&Body=Karibu+{n}"),
        )
        .await;
    }
    post(&gateway, "To=%2B254712345679&From=TEST&Body=Other").await;
    let mut path = format!("{MESSAGES}?To=%2B254712345678&PageSize=2");
    let mut bodies = Vec::new();
    loop {
        let page = json(&get(&gateway, &path).await);
        for message in page["messages"].as_array().unwrap() {
            bodies.push(message["body"].as_str().unwrap().to_owned());
        }
        match page["next_page_uri"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(
        bodies,
        ["Karibu 4", "Karibu 3", "Karibu 2", "Karibu 1", "Karibu 0"]
    );
    for (query, code) in [
        ("Page=1", 20006),
        ("PageSize=0", 20001),
        ("Sender=TEST", 20001),
    ] {
        let answer = get(&gateway, &format!("{MESSAGES}?{query}")).await;
        assert_eq!(json(&answer)["code"], code, "{query}");
    }
    let hiding = start(|personality| personality.lists_nothing = true).await;
    post(&hiding, GOOD).await;
    let page = json(&get(&hiding, MESSAGES).await);
    assert_eq!(page["messages"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a_message_shows_what_is_known_of_it() {
    let gateway = Gateway::builder()
        .personality(TwilioPersonality::default())
        .delivery([
            (Duration::from_secs(3600), "sent"),
            (Duration::from_secs(7200), "delivered"),
        ])
        .start()
        .await
        .unwrap();
    let queued = json(&post(&gateway, GOOD).await);
    assert_eq!(
        (&queued["status"], &queued["num_segments"]),
        (&"queued".into(), &"1".into())
    );
    assert!(queued["date_sent"].is_null());
    let service = "MG00000000000000000000000000000001";
    let form = format!("To=%2B254712345678&MessagingServiceSid={service}&Body=Karibu");
    let accepted = json(&post(&gateway, &form).await);
    assert_eq!(
        (&accepted["status"], &accepted["num_segments"]),
        (&"accepted".into(), &"0".into())
    );
    assert!(accepted["from"].is_null());
    let uri = accepted["uri"].as_str().unwrap();
    let fetched = json(&get(&gateway, uri).await);
    assert_eq!(
        (&fetched["sid"], &fetched["messaging_service_sid"]),
        (&accepted["sid"], &service.into())
    );
    assert!(
        fetched["date_created"]
            .as_str()
            .unwrap()
            .ends_with(" +0000")
    );
}

fn signed(url: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(b"test-token").unwrap();
    mac.update(url.as_bytes());
    for (name, value) in fields(body) {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

#[tokio::test]
async fn a_status_is_called_back_where_the_message_says_signed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://{}/reports?token=a%20b",
        listener.local_addr().unwrap()
    );
    let gateway = start(|_| {}).await;
    gateway.number(&"+254712345679".parse().unwrap(), 30003);
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("StatusCallback", &url);
    let callback = form.finish();
    for (to, last, code) in [
        ("8", "delivered", None),
        ("9", "undelivered", Some("30003")),
    ] {
        let form = format!("To=%2B25471234567{to}&From=TEST&Body=Karibu&{callback}");
        let created = json(&post(&gateway, &form).await);
        for status in ["sent", last] {
            let (head, body) = take(&listener).await;
            assert!(
                head.starts_with("POST /reports?token=a%20b HTTP/1.1"),
                "{head}"
            );
            assert!(
                head.contains(&format!("X-Twilio-Signature: {}", signed(&url, &body))),
                "{head}"
            );
            let fields = fields(&body);
            assert_eq!(fields["MessageSid"], created["sid"].as_str().unwrap());
            assert_eq!(
                (fields["MessageStatus"].as_str(), fields["From"].as_str()),
                (status, "TEST")
            );
            let code = code.filter(|_| status == last);
            assert_eq!(fields.get("ErrorCode").map(String::as_str), code);
        }
    }
}

#[tokio::test]
async fn behind_a_proxy_the_public_address_is_signed_and_pushes_misbehave() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut push = ReportPush::new(listener.local_addr().unwrap(), "/unused");
    push.duplicate = true;
    push.unknown_id = true;
    let gateway = Gateway::builder()
        .personality(TwilioPersonality::default())
        .delivery([(Duration::ZERO, "delivered")])
        .push(push)
        .start()
        .await
        .unwrap();
    let url = "https://app.example/reports";
    post(
        &gateway,
        &format!("{GOOD}&StatusCallback=https%3A%2F%2Fapp.example%2Freports"),
    )
    .await;
    let mut ids = Vec::new();
    for n in 0..3 {
        let (head, body) = take(&listener).await;
        // The stranger's message named no address.
        let (path, url) = match n {
            0 => (
                "/unused",
                format!("http://{}/unused", listener.local_addr().unwrap()),
            ),
            _ => ("/reports", url.to_owned()),
        };
        assert!(head.starts_with(&format!("POST {path} HTTP/1.1")), "{head}");
        assert!(
            head.contains(&format!("X-Twilio-Signature: {}", signed(&url, &body))),
            "{head}"
        );
        ids.push(fields(&body)["MessageSid"].clone());
    }
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids[1], ids[2]);
}
