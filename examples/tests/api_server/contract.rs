//! What each request is answered with.

use queue::testing::gateway::Gateway;
use serde_json::{Value, json};

use crate::http::{Answer, get, post};
use crate::server::{Server, in_time};

/// Appears in every bad value below, and must appear in no answer.
const CANARY: &str = "zzyzx";

#[tokio::test]
async fn every_fault_of_a_request_is_named_and_no_value_is_repeated() {
    let (server, _folder, _gateway) = start().await;
    let phone = "0712345678";
    let long = CANARY.repeat(300);
    let cases = [
        ("/signup", json!({}), vec!["phone", "user_name"]),
        (
            "/signup",
            json!({ "phone": CANARY, "user_name": " " }),
            vec!["phone", "user_name"],
        ),
        (
            "/signup",
            json!({ "phone": phone, "user_name": long }),
            vec!["user_name"],
        ),
        (
            "/signup",
            json!({ "phone": phone, "user_name": null, "name": CANARY, "zzyzx": 1 }),
            vec!["user_name", "body"],
        ),
        ("/otp", json!({ "phone": phone }), vec!["code"]),
        (
            "/otp",
            json!({ "phone": 254712345678_u64, "code": "zzyzx!", "expiry_minutes": 0 }),
            vec!["phone", "code", "expiry_minutes"],
        ),
        (
            "/otp",
            json!({ "phone": phone, "code": "123", "expiry_minutes": 61 }),
            vec!["code", "expiry_minutes"],
        ),
        (
            "/otp",
            json!({ "phone": phone, "code": 123456, "expiry_minutes": "10" }),
            vec!["code", "expiry_minutes"],
        ),
        (
            "/notify",
            json!({ "phone": "", "message": "", "priority": CANARY, "delay_ms": -1 }),
            vec!["phone", "message", "priority", "delay_ms"],
        ),
        (
            "/notify",
            json!({ "phone": phone, "message": long.repeat(2), "priority": 1, "delay_ms": 1.5 }),
            vec!["message", "priority", "delay_ms"],
        ),
    ];
    for (path, body, fields) in cases {
        let answer = post(server.address, path, &body.to_string(), None).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status, 400, "{path} {}", answer.text);
        assert_eq!(issues(&answer), fields, "{path} {}", answer.text);
        assert!(!answer.text.contains(CANARY), "{}", answer.text);
    }
    let stats = get(server.address, "/health").await.unwrap().json();
    assert_eq!(stats["backlog"], 0, "nothing was stored");
}

#[tokio::test]
async fn bodies_that_are_no_json_object_have_answers_of_their_own() {
    let (server, _folder, _gateway) = start().await;
    let large = format!(r#"{{"message": "{}"}}"#, "a".repeat(20_000));
    for (body, status, error) in [
        (r#"{"phone": zzyzx"#, 400, "malformed_json"),
        ("", 400, "malformed_json"),
        (r#"["zzyzx"]"#, 422, "not_an_object"),
        (large.as_str(), 413, "too_large"),
    ] {
        let answer = post(server.address, "/notify", body, None).await.unwrap();
        assert_eq!((answer.status, error_of(&answer).as_str()), (status, error));
        assert!(!answer.text.contains(CANARY), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_job_is_created_once_for_each_key_and_can_be_looked_up() {
    let (server, _folder, gateway) = start().await;
    let body = json!({ "phone": "0712 345 678", "code": "482913" }).to_string();
    let created = post(server.address, "/otp", &body, Some("login-42"));
    let created = created.await.unwrap();
    assert_eq!(created.status, 201, "{}", created.text);
    let id = created.json()["job_id"].clone();
    assert_eq!(created.json()["queue"], "sms");

    let again = post(server.address, "/otp", &body, Some("login-42"));
    let again = again.await.unwrap();
    assert_eq!((again.status, &again.json()["job_id"]), (409, &id));
    assert_eq!(error_of(&again), "duplicate");

    gateway.wait_for(1).await;
    let path = created.header("location").unwrap();
    let settled = async {
        loop {
            let view = get(server.address, path).await.unwrap();
            if view.json()["finished_at"].is_number() {
                return view;
            }
        }
    };
    let view = in_time(settled).await;
    assert_eq!(view.json()["state"], "completed");
    assert_eq!(view.json()["receipt"]["provider"], "salum");
    assert!(!view.text.contains("482913") && !view.text.contains("712345678"));
    assert_eq!(gateway.accepted_count(), 1);

    let empty = post(server.address, "/otp", &body, Some("")).await.unwrap();
    assert_eq!(issues(&empty), ["Idempotency-Key"]);
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_no_id_is_400() {
    let (server, _folder, _gateway) = start().await;
    for (path, status) in [
        ("/jobs/01980a5e-7c00-7000-8000-000000000000", 404),
        ("/jobs/zzyzx", 400),
        ("/zzyzx", 404),
        ("/signup", 405),
    ] {
        let answer = get(server.address, path).await.unwrap();
        assert_eq!(answer.status, status, "{path}");
        assert!(!answer.text.contains(CANARY), "{}", answer.text);
        error_of(&answer);
    }
}

#[tokio::test]
async fn health_tells_numbers() {
    let (server, _folder, _gateway) = start().await;
    let body = json!({ "phone": "0712345678", "message": "later", "delay_ms": 60_000 });
    let created = post(server.address, "/notify", &body.to_string(), None).await;
    assert_eq!(created.unwrap().status, 201);
    let health = get(server.address, "/health").await.unwrap();
    assert_eq!(health.status, 200);
    let health = health.json();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["worker"], "running");
    assert_eq!(
        (&health["backlog"], &health["paused"]),
        (&json!(1), &json!(false))
    );
    let salum = &health["providers"][0];
    assert_eq!(
        (&salum["name"], &salum["breaker"]),
        (&json!("salum"), &json!("closed"))
    );
}

#[tokio::test]
async fn a_store_that_refuses_is_503_with_the_time_to_come_back() {
    let (server, folder, _gateway) = start().await;
    // Another process holds the file, for longer than the store waits.
    let other = rusqlite::Connection::open(folder.path().join("queue.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let body = json!({ "phone": "0712345678", "message": "a" }).to_string();
    let refused = post(server.address, "/notify", &body, None).await.unwrap();
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(error_of(&refused), "unavailable");
    other.execute_batch("ROLLBACK").unwrap();
    let created = post(server.address, "/notify", &body, None).await.unwrap();
    assert_eq!(created.status, 201, "{}", created.text);
}

async fn start() -> (Server, tempfile::TempDir, Gateway) {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::start().await.unwrap();
    let server = Server::start(folder.path(), &gateway).await;
    (server, folder, gateway)
}

fn issues(answer: &Answer) -> Vec<String> {
    let json = answer.json();
    let issues = json["issues"].as_array().expect("a 400 has issues");
    let field = |issue: &Value| {
        assert!(issue["issue"].as_str().is_some_and(|text| text.len() > 5));
        issue["field"].as_str().unwrap().to_owned()
    };
    issues.iter().map(field).collect()
}

fn error_of(answer: &Answer) -> String {
    let json = answer.json();
    json["error"]
        .as_str()
        .expect("an error has a name")
        .to_owned()
}
