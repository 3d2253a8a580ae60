//! Pushed reports, over real HTTP: those of providers, and those of people who are none.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use queue::backend::BackendErrorKind;
use queue::delivery::push::{BODY_BYTES_MAX, PushToken, TokenPush, TwilioPush};
use queue::delivery::{
    AFRICAS_TALKING, Deliveries, DeliveryFailure, DeliveryStatus, SALUM, TWILIO, callback_url,
};
use queue::provider::Receipt;
use queue::testing::TestQueue;
use queue::testing::fault::{FaultyBackend, StoreCall, StoreFault};
use queue::testing::gateway::{Gateway, ReportPush};
use queue::{JobId, SmsJob};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::support::{eventually, only, status};
use DeliveryStatus::{Accepted, Delivered, Failed, Sent};

const TOKEN: &str = "9f86d081884c7d659a2feaa0c55ad015";
const AUTH_TOKEN: &str = "12345";
const PUBLIC_URL: &str = "https://api.example.com/reports/twilio";
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

fn token() -> PushToken {
    PushToken::new(TOKEN).unwrap()
}

/// A server with all three handlers, as a host mounts them.
async fn serve(deliveries: &Deliveries) -> SocketAddr {
    let salum = TokenPush::salum(deliveries.clone(), token());
    let africas_talking = TokenPush::africas_talking(deliveries.clone(), token());
    let twilio = TwilioPush::new(deliveries.clone(), AUTH_TOKEN, PUBLIC_URL).unwrap();
    let router = Router::new()
        .nest("/reports/salum", salum.into_router())
        .nest("/reports/at", africas_talking.into_router())
        .nest("/reports/twilio", twilio.into_router());
    listen(router).await
}

async fn listen(router: Router) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

/// Sends bytes as they are, and reads the status of the answer.
async fn raw(address: SocketAddr, request: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has heard enough closes early.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let mut buffer = [0; 512];
    while !answer.windows(2).any(|end| end == b"\r\n") {
        match stream.read(&mut buffer).await.unwrap() {
            0 => break,
            read => answer.extend_from_slice(&buffer[..read]),
        }
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

async fn post(address: SocketAddr, path: &str, kind: &str, more: &str, body: &[u8]) -> u16 {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{more}Connection: close\r\n\r\n",
        body.len()
    );
    raw(address, &[head.as_bytes(), body].concat()).await
}

/// A deliveries, a job and the message of it that `provider` accepted under `id`.
async fn accepted(provider: &str, id: &str) -> (TestQueue<SmsJob>, Deliveries, JobId) {
    let queue = TestQueue::<SmsJob>::new().await;
    let deliveries = Deliveries::of(&queue).build();
    let job = JobId::new();
    let receipt = Receipt::new(provider).message_id(id);
    deliveries.accepted(job, 1, &receipt, None).await.unwrap();
    (queue, deliveries, job)
}

fn salum_path() -> String {
    format!("/reports/salum/{TOKEN}")
}

#[tokio::test]
async fn salums_reports_are_taken_in_every_spelling() {
    let bodies = [
        (
            JSON,
            r#"{"messageid":"42","description":"DeliveredToTerminal","timeTaken":"22s","timestamp":"2026-01-01 10:00:00"}"#,
        ),
        (
            JSON,
            r#"{"messageID":42,"description":"delivered to terminal"}"#,
        ),
        (
            "text/plain",
            r#"{"message-id":"42","delivery-description":"DeliveredToTerminal"}"#,
        ),
        (FORM, "messageid=42&description=Delivered+To%20Terminal"),
    ];
    for (kind, body) in bodies {
        let (_queue, deliveries, job) = accepted(SALUM, "42").await;
        let address = serve(&deliveries).await;
        let answer = post(address, &salum_path(), kind, "", body.as_bytes()).await;
        assert_eq!(
            (answer, status(&deliveries, job).await),
            (200, Delivered),
            "{body}"
        );
    }
}

#[tokio::test]
async fn whoever_does_not_know_the_token_learns_nothing() {
    let (_queue, deliveries, job) = accepted(SALUM, "42").await;
    let address = serve(&deliveries).await;
    let body = br#"{"messageid":"42","description":"DeliveredToTerminal"}"#;
    let wrong = [
        format!("/reports/salum/{}", TOKEN.to_uppercase()),
        format!("/reports/salum/{}", &TOKEN[1..]),
        format!("/reports/salum/{TOKEN}0"),
        format!("/reports/salum/{TOKEN}/"),
        "/reports/salum/".to_owned(),
        "/reports/salum".to_owned(),
        "/reports/salum/%ff%fe".to_owned(),
        format!("/reports/salum/{}", "x".repeat(4_000)),
    ];
    for path in wrong {
        assert_eq!(post(address, &path, JSON, "", body).await, 404, "{path}");
    }
    // Not even that a body is too large, or makes no sense.
    let large = vec![b'x'; BODY_BYTES_MAX + 1];
    let path = format!("/reports/salum/{}", "0".repeat(32));
    assert_eq!(post(address, &path, JSON, "", &large).await, 404);
    assert_eq!(post(address, &path, JSON, "", b"\xff").await, 404);
    assert_eq!(status(&deliveries, job).await, Accepted);
}

#[tokio::test]
async fn hostile_bodies_are_refused() {
    let (_queue, deliveries, job) = accepted(SALUM, "42").await;
    let address = serve(&deliveries).await;
    let bodies: [(u16, &str, Vec<u8>); 10] = [
        (400, JSON, b"".to_vec()),
        (400, JSON, b"\xff\xfe\x00".to_vec()),
        (400, JSON, br#"{"messageid":"42""#.to_vec()),
        (
            400,
            JSON,
            br#"[{"messageid":"42","description":"DeliveredToTerminal"}]"#.to_vec(),
        ),
        (
            400,
            JSON,
            br#"{"description":"DeliveredToTerminal"}"#.to_vec(),
        ),
        (400, JSON, br#"{"messageid":"42"}"#.to_vec()),
        (
            400,
            JSON,
            br#"{"messageid":{"a":1},"description":"DeliveredToTerminal"}"#.to_vec(),
        ),
        (400, FORM, b"messageid=\xff".to_vec()),
        (400, JSON, "[".repeat(60_000).into_bytes()),
        (413, JSON, vec![b' '; BODY_BYTES_MAX + 1]),
    ];
    for (expected, kind, body) in bodies {
        let answer = post(address, &salum_path(), kind, "", &body).await;
        let start = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!(answer, expected, "{start}");
    }
    let get = format!(
        "GET {} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        salum_path()
    );
    assert_eq!(raw(address, get.as_bytes()).await, 405);
    // A body that says it is small, and one that says nothing at all of its size.
    let chunked = format!(
        "POST {} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n11000\r\n{}\r\n0\r\n\r\n",
        salum_path(),
        "x".repeat(0x11000)
    );
    assert_eq!(raw(address, chunked.as_bytes()).await, 413);
    assert_eq!(status(&deliveries, job).await, Accepted);
}

#[tokio::test]
async fn what_can_be_read_is_answered_200_whatever_it_says() {
    let (_queue, deliveries, job) = accepted(SALUM, "42").await;
    let address = serve(&deliveries).await;
    let long = format!(
        r#"{{"messageid":"{}","description":"Sent"}}"#,
        "1".repeat(500)
    );
    let bodies = [
        r#"{"messageid":"43","description":"DeliveredToTerminal"}"#,
        r#"{"messageid":"a b","description":"DeliveredToTerminal"}"#,
        r#"{"messageid":"../../42","description":"DeliveredToTerminal"}"#,
        r#"{"messageid":"42\u0000","description":"DeliveredToTerminal"}"#,
        r#"{"messageid":"42","description":"SentToNetwork"}"#,
        &long,
    ];
    for body in bodies {
        let answer = post(address, &salum_path(), JSON, "", body.as_bytes()).await;
        assert_eq!(answer, 200, "{body}");
    }
    assert_eq!(status(&deliveries, job).await, Sent);
}

#[tokio::test]
async fn a_replay_changes_nothing() {
    let (_queue, deliveries, job) = accepted(SALUM, "42").await;
    let address = serve(&deliveries).await;
    let say = async |word: &str| {
        let body = format!(r#"{{"messageid":"42","description":"{word}"}}"#);
        let answer = post(address, &salum_path(), JSON, "", body.as_bytes()).await;
        assert_eq!(answer, 200);
        status(&deliveries, job).await
    };
    assert_eq!(say("SentToNetwork").await, Sent);
    assert_eq!(say("DeliveredToTerminal").await, Delivered);
    for word in [
        "SentToNetwork",
        "DeliveredToTerminal",
        "AbsentSubscriber",
        "Scheduled",
    ] {
        assert_eq!(say(word).await, Delivered, "{word}");
    }
}

#[tokio::test]
async fn reports_are_taken_from_listed_addresses_only() {
    let (_queue, deliveries, _) = accepted(SALUM, "42").await;
    let body = br#"{"messageid":"42","description":"SentToNetwork"}"#;
    let path = format!("/{TOKEN}");
    let push = || TokenPush::salum(deliveries.clone(), token());
    for (ranges, expected) in [
        (&["192.0.2.0/24"][..], 404),
        (&["192.0.2.0/24", "127.0.0.0/8"], 200),
        (&[], 200),
    ] {
        let router = push().allow(ranges).unwrap().into_router();
        let address = listen(router).await;
        assert_eq!(
            post(address, &path, JSON, "", body).await,
            expected,
            "{ranges:?}"
        );
    }
    // Behind a proxy, by what the proxy says.
    let router = push()
        .allow(["192.0.2.0/24"])
        .unwrap()
        .client_address(|request| {
            request
                .headers
                .get("x-real-ip")?
                .to_str()
                .ok()?
                .parse()
                .ok()
        })
        .into_router();
    let address = listen(router).await;
    let header = "X-Real-IP: 192.0.2.9\r\n";
    assert_eq!(post(address, &path, JSON, header, body).await, 200);
    assert_eq!(post(address, &path, JSON, "", body).await, 404);
    // A server that does not say who calls: nobody is on the list.
    let router = push().allow(["127.0.0.1"]).unwrap().into_router();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    assert_eq!(post(address, &path, JSON, "", body).await, 404);
}

#[tokio::test]
async fn a_report_that_can_not_be_stored_is_not_acknowledged() {
    let clock = queue::clock::ManualClock::default();
    let options = queue::backend::SqliteOptions::in_memory().clock(Arc::new(clock.clone()));
    let store = queue::backend::SqliteBackend::open(options).await.unwrap();
    let faulty = Arc::new(FaultyBackend::new(Arc::new(store)));
    let queue = TestQueue::<SmsJob>::over(faulty.clone(), clock);
    let deliveries = Deliveries::of(&queue).build();
    let job = JobId::new();
    let receipt = Receipt::new(SALUM).message_id("42");
    deliveries.accepted(job, 1, &receipt, None).await.unwrap();
    let address = serve(&deliveries).await;
    let body = br#"{"messageid":"42","description":"DeliveredToTerminal"}"#;
    let full = StoreFault::Refuse(BackendErrorKind::Full);
    faulty.fail_from(StoreCall::Record, 1, full);
    assert_eq!(post(address, &salum_path(), JSON, "", body).await, 503);
    assert_eq!(status(&deliveries, job).await, Accepted);
    faulty.heal();
    assert_eq!(post(address, &salum_path(), JSON, "", body).await, 200);
    assert_eq!(status(&deliveries, job).await, Delivered);
}

#[cfg(all(feature = "salum", any(feature = "tls-aws-lc", feature = "tls-ring")))]
#[tokio::test]
async fn whatever_order_a_gateway_pushes_in_the_end_is_the_same() {
    use queue::Worker;
    use queue::delivery::Tracked;

    let cases: [fn(&mut ReportPush); 5] = [
        |_| {},
        |push| push.duplicate = true,
        |push| push.reordered = true,
        |push| push.early = true,
        |push| {
            push.unknown_id = true;
            push.early = true;
            push.duplicate = true;
        },
    ];
    for case in cases {
        let queue = TestQueue::<SmsJob>::new().await;
        let deliveries = Deliveries::of(&queue).build();
        let mut push = ReportPush::new(serve(&deliveries).await, salum_path());
        case(&mut push);
        let gateway = Gateway::builder()
            .delivery([
                (Duration::ZERO, "SentToNetwork"),
                (Duration::from_millis(20), "DeliveredToTerminal"),
            ])
            .push(push.clone())
            .start()
            .await
            .unwrap();
        let salum = gateway.salum_options().build().unwrap();
        let job = super::support::welcome(&queue).await;
        let worker = Worker::new((*queue).clone(), Tracked::new(salum, deliveries.clone())).spawn();
        eventually("the delivery", || async {
            match deliveries.job(job).await.unwrap() {
                Some(known) => known.status() == Delivered,
                None => false,
            }
        })
        .await;
        assert_eq!(only(&deliveries, job).await.attempt, 1, "{push:?}");
        drop(worker);
    }
}

#[tokio::test]
async fn africas_talkings_reports_are_taken() {
    let (_queue, deliveries, job) = accepted(AFRICAS_TALKING, "ATXid_1").await;
    let address = serve(&deliveries).await;
    let path = format!("/reports/at/{TOKEN}");
    let say = async |body: &str| post(address, &path, FORM, "", body.as_bytes()).await;
    assert_eq!(
        say("id=ATXid_1&status=Buffered&phoneNumber=%2B254712345678&networkCode=63902").await,
        200
    );
    assert_eq!(status(&deliveries, job).await, Sent);
    let failed = "id=ATXid_1&status=Failed&phoneNumber=%2B254712345678&failureReason=UserInBlacklist&retryCount=1";
    assert_eq!(say(failed).await, 200);
    // They repeat what was not answered in time.
    assert_eq!(say(failed).await, 200);
    let known = only(&deliveries, job).await;
    assert_eq!(
        (known.status, known.failure),
        (Failed, Some(DeliveryFailure::Blocked))
    );
    assert!(known.suppress);
    assert_eq!(say("status=Success").await, 400);
    assert_eq!(say("id=ATXid_1").await, 400);
    let elsewhere = format!("/reports/at/{}", "0".repeat(32));
    assert_eq!(
        post(address, &elsewhere, FORM, "", failed.as_bytes()).await,
        404
    );
    // The number in a report is kept nowhere.
    assert!(!format!("{known:?}").contains("712345678"));
}

/// Signs as Twilio does.
fn signature(url: &str, parameters: &[(&str, &str)]) -> String {
    let mut sorted = parameters.to_vec();
    sorted.sort_unstable();
    let mut text = url.to_owned();
    for (name, value) in sorted {
        text.push_str(name);
        text.push_str(value);
    }
    let mac = Hmac::<Sha1>::new_from_slice(AUTH_TOKEN.as_bytes()).unwrap();
    STANDARD.encode(mac.chain_update(text).finalize().into_bytes())
}

fn header(signature: &str) -> String {
    format!("X-Twilio-Signature: {signature}\r\n")
}

const UNDELIVERED: &[(&str, &str)] = &[
    ("MessageSid", "SM42"),
    ("MessageStatus", "undelivered"),
    ("ErrorCode", "30005"),
    ("To", "+254712345678"),
    ("AccountSid", "AC1"),
    ("RawDlrDoneDate", "2601011000"),
];

fn form(parameters: &[(&str, &str)]) -> Vec<u8> {
    let pairs: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace('+', "%2B")))
        .collect();
    pairs.join("&").into_bytes()
}

#[tokio::test]
async fn twilios_callbacks_are_taken_when_they_are_twilios() {
    let (_queue, deliveries, job) = accepted(TWILIO, "SM42").await;
    let address = serve(&deliveries).await;
    let path = "/reports/twilio";
    let body = form(UNDELIVERED);
    let right = signature(PUBLIC_URL, UNDELIVERED);
    for wrong in [
        "",
        "X-Twilio-Signature: \r\n",
        "X-Twilio-Signature: AAAA\r\n",
        "X-Twilio-Signature: \u{e9}\r\n",
        &header(&right.to_lowercase()),
        &header(&signature(
            "http://api.example.com/reports/twilio",
            UNDELIVERED,
        )),
        &header(&signature(&format!("{PUBLIC_URL}/"), UNDELIVERED)),
    ] {
        assert_eq!(
            post(address, path, FORM, wrong, &body).await,
            403,
            "{wrong}"
        );
    }
    let mut changed = body.clone();
    changed.extend_from_slice(b"&More=1");
    assert_eq!(
        post(address, path, FORM, &header(&right), &changed).await,
        403
    );
    assert_eq!(
        post(address, "/reports/twilio?a=1", FORM, &header(&right), &body).await,
        403
    );
    assert_eq!(
        post(address, path, FORM, &header(&right), b"a=\xff").await,
        400
    );
    let large = vec![b'x'; BODY_BYTES_MAX + 1];
    assert_eq!(
        post(address, path, FORM, &header(&right), &large).await,
        413
    );
    assert_eq!(status(&deliveries, job).await, Accepted);

    // And again, as somebody does who has seen it.
    for _ in 0..2 {
        assert_eq!(post(address, path, FORM, &header(&right), &body).await, 200);
    }
    let known = only(&deliveries, job).await;
    assert_eq!(
        (known.status, known.failure),
        (Failed, Some(DeliveryFailure::Number))
    );
    assert_eq!(known.code.as_deref(), Some("30005"));
    let without = [("MessageStatus", "sent")];
    let signed = header(&signature(PUBLIC_URL, &without));
    assert_eq!(
        post(address, path, FORM, &signed, &form(&without)).await,
        400
    );
}

#[tokio::test]
async fn a_callback_of_json_is_signed_by_its_digest() {
    let (_queue, deliveries, job) = accepted(TWILIO, "SM42").await;
    let address = serve(&deliveries).await;
    let body = br#"{"MessageSid":"SM42","MessageStatus":"delivered"}"#;
    let digest: String = Sha256::digest(body)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let query = format!("?bodySHA256={digest}");
    let path = format!("/reports/twilio{query}");
    let signed = header(&signature(&format!("{PUBLIC_URL}{query}"), &[]));
    // Another body under the same address, and the same body under an address that says nothing of it.
    let other = br#"{"MessageSid":"SM43","MessageStatus":"delivered"}"#;
    assert_eq!(post(address, &path, JSON, &signed, other).await, 403);
    let bare = header(&signature(PUBLIC_URL, &[]));
    assert_eq!(
        post(address, "/reports/twilio", JSON, &bare, body).await,
        403
    );
    assert_eq!(status(&deliveries, job).await, Accepted);
    assert_eq!(post(address, &path, JSON, &signed, body).await, 200);
    assert_eq!(status(&deliveries, job).await, Delivered);
}

#[tokio::test]
async fn a_callback_that_names_its_attempt_decides_what_was_in_doubt() {
    let queue = TestQueue::<SmsJob>::new().await;
    let deliveries = Deliveries::of(&queue).build();
    let address = serve(&deliveries).await;
    let job = JobId::new();
    deliveries.doubted(job, 2, TWILIO, None).await.unwrap();

    let url = callback_url(PUBLIC_URL, job, 2);
    let path = url.strip_prefix("https://api.example.com").unwrap();
    let sent = [("MessageSid", "SM7"), ("MessageStatus", "sent")];
    let signed = header(&signature(&url, &sent));
    assert_eq!(post(address, path, FORM, &signed, &form(&sent)).await, 200);
    let known = only(&deliveries, job).await;
    assert_eq!((known.status, known.attempt), (Sent, 2));
    assert_eq!(known.message_id.as_deref(), Some("SM7"));
    // Nobody can point it at another job: the signature covers the address.
    let other = callback_url(PUBLIC_URL, JobId::new(), 2);
    let path = other.strip_prefix("https://api.example.com").unwrap();
    assert_eq!(post(address, path, FORM, &signed, &form(&sent)).await, 403);
}

#[tokio::test]
async fn no_secret_is_shown() {
    let (_queue, deliveries, _) = accepted(TWILIO, "SM42").await;
    let salum = TokenPush::salum(deliveries.clone(), token());
    let secret = "canary-auth-token";
    let twilio = TwilioPush::new(deliveries.clone(), secret, PUBLIC_URL).unwrap();
    let shown = format!("{salum:?} {twilio:?} {deliveries:?}");
    assert!(!shown.contains(TOKEN) && !shown.contains(secret), "{shown}");
    for wrong in [
        TwilioPush::new(deliveries.clone(), "", PUBLIC_URL).map(drop),
        TwilioPush::new(deliveries.clone(), secret, "api.example.com").map(drop),
        TokenPush::salum(deliveries.clone(), token())
            .allow(["everybody"])
            .map(drop),
        PushToken::new("short").map(drop),
    ] {
        let error = wrong.unwrap_err().to_string();
        assert!(!error.contains("canary") && !error.is_empty(), "{error}");
    }
}

/// What a worker with `provider` sent, once a report has decided about it.
#[cfg(any(feature = "twilio", feature = "africas-talking"))]
#[cfg(any(feature = "tls-aws-lc", feature = "tls-ring"))]
async fn decided(
    queue: &TestQueue<SmsJob>,
    deliveries: &Deliveries,
    provider: impl queue::provider::Provider<queue::SmsMessage>,
) -> queue::delivery::MessageDelivery {
    let job = super::support::welcome(queue).await;
    let tracked = queue::delivery::Tracked::new(provider, deliveries.clone());
    let worker = queue::Worker::new((**queue).clone(), tracked).spawn();
    eventually("a final report", || async {
        match deliveries.job(job).await.unwrap() {
            Some(known) => known.status().is_final(),
            None => false,
        }
    })
    .await;
    drop(worker);
    only(deliveries, job).await
}

#[cfg(all(feature = "twilio", any(feature = "tls-aws-lc", feature = "tls-ring")))]
#[tokio::test]
async fn twilio_is_followed_from_the_send_to_the_report() {
    use queue::testing::gateway::{Fault, TwilioPersonality};

    for lost in [false, true] {
        let queue = TestQueue::<SmsJob>::new().await;
        let deliveries = Deliveries::of(&queue).build();
        let personality = TwilioPersonality::default();
        let auth_token = personality.auth_token.clone();
        let push = TwilioPush::new(deliveries.clone(), auth_token, PUBLIC_URL).unwrap();
        let router = Router::new().nest("/reports/twilio", push.into_router());
        let mut reports = ReportPush::new(listen(router).await, "/reports/twilio");
        reports.duplicate = true;
        reports.reordered = true;
        let gateway = Gateway::builder()
            .personality(personality)
            .delivery([
                (Duration::ZERO, "sent"),
                (Duration::from_millis(20), "undelivered:30003"),
            ])
            .push(reports)
            .start()
            .await
            .unwrap();
        if lost {
            // Twilio has it and sends it; nobody here learns under which id.
            gateway.next(1, Fault::cut().after_accepting());
        }
        let options = gateway.twilio_options().unwrap();
        let twilio = options
            .status_callback(PUBLIC_URL)
            .callback_per_attempt(true)
            .build()
            .unwrap();
        let known = decided(&queue, &deliveries, twilio).await;
        assert_eq!(known.failure, Some(DeliveryFailure::Unreachable));
        assert_eq!((known.attempt, known.code.as_deref()), (1, Some("30003")));
        assert!(known.message_id.is_some_and(|id| id.starts_with("SM")));
    }
}

#[cfg(all(
    feature = "africas-talking",
    any(feature = "tls-aws-lc", feature = "tls-ring")
))]
#[tokio::test]
async fn africas_talking_is_followed_from_the_send_to_the_report() {
    use queue::testing::gateway::AfricasTalkingPersonality;

    let queue = TestQueue::<SmsJob>::new().await;
    let deliveries = Deliveries::of(&queue).build();
    let mut reports = ReportPush::new(serve(&deliveries).await, format!("/reports/at/{TOKEN}"));
    reports.early = true;
    reports.unknown_id = true;
    let gateway = Gateway::builder()
        .personality(AfricasTalkingPersonality::default())
        .delivery([
            (Duration::ZERO, "Sent"),
            (Duration::from_millis(20), "Failed:UserInBlacklist"),
        ])
        .push(reports)
        .start()
        .await
        .unwrap();
    let provider = gateway.africas_talking_options().unwrap().build().unwrap();
    let known = decided(&queue, &deliveries, provider).await;
    assert_eq!((known.status, known.suppress), (Failed, true));
    assert_eq!(known.code.as_deref(), Some("UserInBlacklist"));
}
