//! Reports that a token in the path protects: Salum's and Africa's Talking's.

use super::*;

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
        let job = super::super::support::welcome(&queue).await;
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
