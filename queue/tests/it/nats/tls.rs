//! TLS: own authorities, client certificates, and no speaking in the clear by mistake.

use std::path::PathBuf;
use std::time::Duration;

use queue::backend::{BackendErrorKind, JetStreamOptions};
use queue::testing::nats_server::NatsServer;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/tls")
        .join(name)
}

async fn server(more: &str) -> NatsServer {
    let config = format!(
        "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, timeout: 5\n{more} }}",
        fixture("server.pem"),
        fixture("server.key"),
        fixture("ca.pem"),
    );
    NatsServer::builder().config(config).start().await.unwrap()
}

fn at(server: &NatsServer) -> JetStreamOptions {
    JetStreamOptions::at(server.url()).wait_for_server(Duration::ZERO)
}

async fn refused(options: JetStreamOptions) -> BackendErrorKind {
    options.plan("sms").await.unwrap_err().kind()
}

#[tokio::test]
async fn a_server_of_an_authority_of_ones_own_is_trusted_when_it_is_named() {
    let server = server("").await;
    let trusting = at(&server).tls_ca(fixture("ca.pem"));
    trusting.plan("sms").await.unwrap();
    assert_eq!(refused(at(&server)).await, BackendErrorKind::Unauthorized);
    let by_scheme = server.url().replace("nats://", "tls://");
    let options = JetStreamOptions::at(by_scheme).wait_for_server(Duration::ZERO);
    let kind = refused(options.clone()).await;
    assert_eq!(kind, BackendErrorKind::Unauthorized);
    options.tls_ca(fixture("ca.pem")).plan("sms").await.unwrap();
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_one_is_wanted() {
    let server = server("verify: true").await;
    let without = at(&server).tls_ca(fixture("ca.pem"));
    without.clone().plan("sms").await.unwrap_err();
    let with = without.tls_identity(fixture("client.pem"), fixture("client.key"));
    with.plan("sms").await.unwrap();
    let mixed = at(&server)
        .tls_ca(fixture("ca.pem"))
        .tls_identity(fixture("client.pem"), fixture("server.key"));
    assert_eq!(refused(mixed).await, BackendErrorKind::Misconfigured);
}

#[tokio::test]
async fn tls_comes_before_the_greeting_where_it_should() {
    let server = server("handshake_first: true").await;
    let options = at(&server).tls_ca(fixture("ca.pem")).tls_first();
    options.plan("sms").await.unwrap();
}

#[tokio::test]
async fn a_server_without_tls_is_not_spoken_to_when_tls_is_required() {
    let server = NatsServer::start().await.unwrap();
    at(&server).plan("sms").await.unwrap();
    at(&server).require_tls().plan("sms").await.unwrap_err();
}
