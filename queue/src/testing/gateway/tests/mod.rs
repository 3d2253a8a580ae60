//! The stand-in itself: what the client's own tests do not ask of it.

mod africas_talking;
mod twilio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// One request by hand; the answer as text, head and body.
async fn ask(address: SocketAddr, head: &str, body: &str) -> String {
    ask_with(address, head, "", body).await
}

/// The same with more headers, each with its line break.
async fn ask_with(address: SocketAddr, head: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Takes one report that is pushed: its head and its body.
async fn take(listener: &TcpListener) -> (String, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = vec![0; 4096];
    let length = stream.read(&mut request).await.unwrap();
    let request = String::from_utf8_lossy(&request[..length]).into_owned();
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await
        .unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// A form's fields, by name.
fn fields(form: &str) -> std::collections::BTreeMap<String, String> {
    form_urlencoded::parse(form.as_bytes())
        .into_owned()
        .collect()
}

const FORM: &str =
    "apikey=test-key&partnerID=1234&shortcode=TEST&mobile=0712345678&message=Karibu%20sana";

#[tokio::test]
async fn it_takes_get_and_post_query_form_and_json() {
    let gateway = Gateway::start().await.unwrap();
    let json = r#"{"apikey":"test-key","partnerID":1234,"shortcode":"TEST","mobile":254712345678,"message":"Karibu sana"}"#;
    for (head, body) in [
        (format!("GET {}/sendsms?{FORM}", family::PATH), ""),
        (format!("POST {}/sendsms/", family::PATH), FORM),
        (format!("POST {}/sendotp", family::PATH), json),
    ] {
        let answer = ask(gateway.address(), &head, body).await;
        assert!(answer.contains(r#""respose-code":200"#), "{answer}");
    }
    assert_eq!(gateway.accepted_count(), 3);
    let duplicates = gateway.duplicates();
    assert_eq!((duplicates.len(), duplicates[0].count), (1, 3));
    assert_eq!(duplicates[0].message, "Karibu sana");
}

#[tokio::test]
async fn it_is_strict() {
    let gateway = Gateway::start().await.unwrap();
    let post = |endpoint: &str| format!("POST {}/{endpoint}", family::PATH);
    for (endpoint, body, code) in [
        ("sendsms", "{}", 4091),
        ("sendsms", r#"{"partnerID":"1234"}"#, 4092),
        ("sendsms", "\u{1}", 1010),
        (
            "sendsms",
            r#"{"partnerID":"1234","apikey":"test-key","mobile":"0712345678"}"#,
            1010,
        ),
        ("sendbulk", r#"{"count":0,"smslist":[]}"#, 1010),
        ("sendbulk", r#"{"count":2,"smslist":[{}]}"#, 1010),
        (
            "getdlr",
            r#"{"partnerID":"1234","apikey":"test-key"}"#,
            1010,
        ),
        ("getbalance", r#"{"partnerID":"1234","apikey":"x"}"#, 1006),
    ] {
        let answer = ask(gateway.address(), &post(endpoint), body).await;
        assert!(
            answer.contains(&format!("-code\":{code}")),
            "{endpoint} {body}: {answer}"
        );
    }
    // `+` is not what the family takes, and a comma list has a row for each number.
    let list = FORM.replace("0712345678", "0712345678,%2B254712345678");
    let answer = ask(gateway.address(), &post("sendsms"), &list).await;
    assert!(
        answer.contains(":200") && answer.contains(":1003"),
        "{answer}"
    );
    let answer = ask(gateway.address(), "POST /elsewhere", "").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[tokio::test]
async fn reports_are_pushed_twice_in_the_wrong_order_early_and_about_strangers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut push = ReportPush::new(listener.local_addr().unwrap(), "/reports/token");
    push.duplicate = true;
    push.reordered = true;
    push.early = true;
    push.unknown_id = true;
    let gateway = Gateway::builder().push(push).start().await.unwrap();
    let send = tokio::spawn({
        let address = gateway.address();
        async move { ask(address, &format!("POST {}/sendsms", family::PATH), FORM).await }
    });
    let mut pushed = Vec::new();
    // Early, a stranger's, then two words twice each.
    for _ in 0..6 {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 2048];
        let length = stream.read(&mut request).await.unwrap();
        let request = String::from_utf8_lossy(&request[..length]).into_owned();
        assert!(
            request.starts_with("POST /reports/token HTTP/1.1"),
            "{request}"
        );
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .await
            .unwrap();
        if pushed.is_empty() {
            assert!(!send.is_finished());
        }
        let json = request.split("\r\n\r\n").nth(1).unwrap();
        let report: serde_json::Value = serde_json::from_str(json).unwrap();
        pushed.push((report["messageid"].clone(), report["description"].clone()));
    }
    send.await.unwrap();
    let words: Vec<_> = pushed
        .iter()
        .map(|(_, word)| word.as_str().unwrap())
        .collect();
    let (sent, delivered) = ("SentToNetwork", "DeliveredToTerminal");
    assert_eq!(words, [sent, delivered, delivered, delivered, sent, sent]);
    assert_ne!(pushed[1].0, pushed[0].0);
}

#[tokio::test]
async fn the_log_is_appended_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.jsonl");
    // A crash cut this line off.
    std::fs::write(&path, r#"{"number":7,"#).unwrap();
    for _ in 0..2 {
        let gateway = Gateway::builder().log_file(&path).start().await.unwrap();
        gateway.next(1, Fault::cut().after_accepting());
        ask(
            gateway.address(),
            &format!("POST {}/sendsms", family::PATH),
            FORM,
        )
        .await;
    }
    let log = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["fault"], "cut");
    assert_eq!(lines[1]["rows"][0]["code"], 200);
    assert_eq!(lines[1]["rows"][0]["mobile"], "254712345678");
}

#[tokio::test]
async fn chance_is_by_the_seed() {
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let gateway = Gateway::builder().seed(7).start().await.unwrap();
        gateway.sometimes(0.5, Fault::flat(1005));
        for _ in 0..20 {
            ask(
                gateway.address(),
                &format!("POST {}/sendsms", family::PATH),
                FORM,
            )
            .await;
        }
        let faults: Vec<_> = gateway.requests().iter().map(|r| r.fault).collect();
        assert!(faults.contains(&None) && faults.contains(&Some("flat")));
        outcomes.push(faults);
    }
    assert_eq!(outcomes[0], outcomes[1]);
}

#[tokio::test]
async fn dropping_it_ends_calls_that_hang() {
    let gateway = Gateway::start().await.unwrap();
    gateway.next(1, Fault::hang());
    let address = gateway.address();
    let hung =
        tokio::spawn(
            async move { ask(address, &format!("POST {}/sendsms", family::PATH), FORM).await },
        );
    while gateway.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(gateway);
    assert_eq!(hung.await.unwrap(), "");
}
