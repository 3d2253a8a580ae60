//! What signals do.

use std::time::Duration;

use queue::testing::gateway::{Fault, Gateway};

use crate::http::{get, post};
use crate::server::{Server, in_time};

#[tokio::test]
async fn a_send_that_is_under_way_is_finished_before_the_process_ends() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start().await.unwrap();
    gateway.next(1, Fault::slow(Duration::from_secs(1)));
    let server = Server::start(folder.path(), &gateway).await;
    let body = r#"{"phone": "0712345678", "user_name": "Wanjiru"}"#;
    let answer = post(server.address, "/signup", body, None).await.unwrap();
    assert_eq!(answer.status, 201);
    in_time(begun(&server)).await;
    assert!(server.terminate().await.success());

    let server = Server::start(folder.path(), &gateway).await;
    let path = answer.header("location").unwrap();
    let view = get(server.address, path).await.unwrap().json();
    assert_eq!(view["state"], "completed");
    assert_eq!(gateway.accepted_count(), 1);
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start().await.unwrap();
    gateway.next(1, Fault::hang());
    let mut server = Server::start(folder.path(), &gateway).await;
    let body = r#"{"phone": "0712345678", "user_name": "Wanjiru"}"#;
    let answer = post(server.address, "/signup", body, None).await.unwrap();
    assert_eq!(answer.status, 201);
    in_time(begun(&server)).await;
    server.signal("INT").await;
    // It has understood the first when it accepts no more connections.
    in_time(async { while get(server.address, "/health").await.is_ok() {} }).await;
    server.signal("INT").await;
    assert_eq!(server.ended().await.code(), Some(130));
}

/// Waits until a job runs.
async fn begun(server: &Server) {
    while get(server.address, "/health").await.unwrap().json()["running"] == 0 {}
}
