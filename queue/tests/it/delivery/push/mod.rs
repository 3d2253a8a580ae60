//! Pushed reports, over real HTTP: those of providers, and those of people who are none.

mod over_http;
mod token;
mod twilio;

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
