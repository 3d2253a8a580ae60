//! Connecting: what is refused, with which error, and what is waited for.

use std::time::{Duration, Instant};

use queue::backend::{BackendError, BackendErrorKind, JetStreamOptions};
use queue::testing::nats_server::{NatsServer, ServerVersion};

async fn refused(options: JetStreamOptions) -> BackendError {
    options.plan("sms").await.unwrap_err()
}

#[tokio::test]
async fn a_server_below_the_floor_is_refused() {
    let server = NatsServer::builder()
        .version(ServerVersion::V2_11_11)
        .start()
        .await
        .unwrap();
    let error = refused(JetStreamOptions::at(server.url())).await;
    assert_eq!(error.kind(), BackendErrorKind::ServerTooOld);
    let text = error.to_string();
    assert!(
        text.contains("2.11.11") && text.contains("2.12.8"),
        "{text}"
    );
}

#[tokio::test]
async fn the_oldest_supported_server_is_enough() {
    let server = NatsServer::builder()
        .version(ServerVersion::V2_12_8)
        .start()
        .await
        .unwrap();
    let options = || JetStreamOptions::at(server.url());
    options().provision("sms").await.unwrap();
    assert!(options().plan("sms").await.unwrap().is_settled());
}

#[tokio::test]
async fn wrong_credentials_are_refused_at_once_and_not_repeated() {
    let server = NatsServer::builder()
        .config("authorization { user: worker, password: right }")
        .start()
        .await
        .unwrap();
    let at = || JetStreamOptions::at(server.url()).wait_for_server(Duration::from_secs(60));
    let in_url = server.url().replace("://", "://worker:hunter2@");
    let start = Instant::now();
    for options in [
        at(),
        at().user_and_password("worker", "hunter2"),
        at().token("hunter2"),
        JetStreamOptions::at(in_url),
    ] {
        let error = refused(options).await;
        assert_eq!(error.kind(), BackendErrorKind::Unauthorized, "{error}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
    assert!(start.elapsed() < Duration::from_secs(5));
    let right = at().user_and_password("worker", "right");
    assert!(!right.plan("sms").await.unwrap().is_settled());
    let right = server.url().replace("://", "://worker:right@");
    JetStreamOptions::at(right).plan("sms").await.unwrap();
}

#[tokio::test]
async fn credentials_that_cannot_be_used_say_so() {
    let server = NatsServer::start().await.unwrap();
    let at = || JetStreamOptions::at(server.url());
    for options in [
        at().credentials("not a credentials file"),
        at().credentials_file("/nowhere/a.creds"),
    ] {
        assert_eq!(
            refused(options).await.kind(),
            BackendErrorKind::Unauthorized
        );
    }
    let error = refused(at().tls_ca("/nowhere/ca.pem")).await;
    assert_eq!(error.kind(), BackendErrorKind::Misconfigured);
    assert!(error.to_string().contains("/nowhere/ca.pem"));
}

#[tokio::test]
async fn a_token_and_an_nkey_let_in() {
    let token = NatsServer::builder()
        .config("authorization { token: letmein }")
        .start()
        .await
        .unwrap();
    let options = JetStreamOptions::at(token.url()).token("letmein");
    options.plan("sms").await.unwrap();

    // A pair made for this test.
    let seed = "SUAJ3XGUAITRGUGKA4U77RQAKGAUUMLFDBVPW6CVFIVYPISEKDFMFVXL6Y";
    let public = "UAIW65CQLWEXT4YVDSISC3KCDGFUS4J4L3VPOAM4QTNAHIPZPHFGPL4M";
    let nkey = NatsServer::builder()
        .config(format!(
            "authorization {{ users: [ {{ nkey: {public} }} ] }}"
        ))
        .start()
        .await
        .unwrap();
    let options = JetStreamOptions::at(nkey.url()).nkey(seed);
    options.plan("sms").await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_down_is_waited_for_or_not_as_told() {
    let server = NatsServer::start().await.unwrap();
    server.kill().unwrap();
    let at = |wait| JetStreamOptions::at(server.url()).wait_for_server(wait);
    let start = Instant::now();
    let error = refused(at(Duration::ZERO)).await;
    assert_eq!(error.kind(), BackendErrorKind::Unreachable);
    assert!(error.is_retryable());
    assert!(start.elapsed() < Duration::from_secs(1));

    let waiting = tokio::spawn(at(Duration::from_secs(30)).plan("sms"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished(), "it must still wait");
    server.restart().await.unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_without_jetstream_is_refused() {
    let server = NatsServer::start().await.unwrap();
    let error = refused(JetStreamOptions::at(server.url()).domain("elsewhere")).await;
    assert_eq!(error.kind(), BackendErrorKind::Unreachable, "{error}");
    // An account that may not use it.
    let server = NatsServer::builder()
        .config("accounts { A: { users: [ { user: a, password: a } ] } }")
        .start()
        .await
        .unwrap();
    let error = refused(JetStreamOptions::at(server.url()).user_and_password("a", "a")).await;
    assert_eq!(error.kind(), BackendErrorKind::Misconfigured, "{error}");
}
