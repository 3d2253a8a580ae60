//! Connecting: what is refused, with which error, and what is waited for.

use std::time::{Duration, Instant};

use queue::backend::{BackendError, BackendErrorKind, JetStreamOptions, ListFilter};
use queue::job::IdempotencyKey;
use queue::testing::nats_server::{NatsServer, ServerVersion};
use queue::{State, create_notification_sms_job};

use super::support::{Ledger, enqueue, message, open_with, until};

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

/// What `docs/nats.md` lists for a program that makes its streams, enqueues and works.
fn documented_permissions() -> String {
    let streams = ["SMS", "SMS_EVENTS", "SMS_DEAD", "SMS_LIMITS"];
    let mut allowed: Vec<String> = ["INFO", "STREAM.LIST"]
        .map(|call| format!("$JS.API.{call}"))
        .to_vec();
    for stream in streams {
        for call in ["INFO", "CREATE", "UPDATE", "MSG.GET", "MSG.DELETE", "PURGE"] {
            allowed.push(format!("$JS.API.STREAM.{call}.{stream}"));
        }
        for call in ["CREATE", "INFO"] {
            allowed.push(format!("$JS.API.CONSUMER.{call}.{stream}.>"));
        }
        allowed.push(format!("$JS.API.DIRECT.GET.{stream}"));
        allowed.push(format!("$JS.API.DIRECT.GET.{stream}.>"));
    }
    for call in ["MSG.NEXT", "PAUSE"] {
        allowed.push(format!("$JS.API.CONSUMER.{call}.SMS.>"));
    }
    allowed.extend(["sms.>".to_owned(), "$JS.ACK.SMS.>".to_owned()]);
    let quoted: Vec<_> = allowed
        .iter()
        .map(|subject| format!("{subject:?}"))
        .collect();
    quoted.join(", ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_permissions_are_enough() {
    let allowed = documented_permissions();
    let server = NatsServer::builder()
        .config(format!(
            "authorization {{ users: [ {{ user: w, password: w, permissions: {{\n\
               publish: {{ allow: [{allowed}] }}, subscribe: {{ allow: [\"_INBOX.>\"] }} }} }} ] }}"
        ))
        .start()
        .await
        .unwrap();
    let options = JetStreamOptions::at(server.url()).user_and_password("w", "w");
    let (queue, health) = open_with(options).await;
    enqueue(&queue, "first").await;
    let job = queue
        .find(IdempotencyKey::new("first").unwrap())
        .await
        .unwrap()
        .unwrap();
    queue.pause().await.unwrap();
    queue.resume().await.unwrap();
    queue.list(ListFilter::new("sms")).await.unwrap();
    let ledger = Ledger::default();
    let worker = ledger.worker(&queue, 2, Duration::ZERO);
    until("it ran", || ledger.jobs() == 1).await;
    worker.shutdown(Duration::from_secs(5)).await.unwrap();
    assert!(queue.job(job.id).await.unwrap().is_some());
    let stats = queue.stats().await;
    assert!(stats.is_ok(), "{stats:?} {:?}", health.current());
    let later = create_notification_sms_job(&queue, message("later"));
    let later = later.delay(Duration::from_secs(3600)).await.unwrap();
    queue.cancel(later.job_id).await.unwrap();
    queue.purge(&[State::Cancelled]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(health.current().is_well(), "{:?}", health.current());
}
