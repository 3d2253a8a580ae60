//! Callbacks that Twilio signs.

use super::*;

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
