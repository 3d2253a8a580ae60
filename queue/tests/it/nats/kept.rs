//! No job is dropped for its age, in whatever subject it waits: each of its messages says so to the server.

use std::time::Duration;

use async_nats::jetstream;
use queue::create_notification_sms_job;
use queue::testing::nats_server::{NatsServer, ServerVersion};
use queue::worker::{Outcome, handler_fn};
use queue::{SmsJob, Worker};

use super::support::{PATIENCE, message, open};

/// The ages that the messages of jobs say, by the second token of their subject.
async fn ages(server: &NatsServer, part: &str) -> Vec<Option<String>> {
    let client = async_nats::connect(server.url()).await.unwrap();
    let stream = jetstream::new(client).get_stream("SMS").await.unwrap();
    let info = stream.cached_info();
    let mut ages = Vec::new();
    for sequence in info.state.first_sequence..=info.state.last_sequence {
        let Ok(stored) = stream.get_raw_message(sequence).await else {
            continue;
        };
        if stored.subject.split('.').nth(1) == Some(part) {
            let age = stored.headers.get("Nats-TTL");
            ages.push(age.map(|age| age.as_str().to_owned()));
        }
    }
    ages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_waits_has_no_age_on_any_supported_server() {
    let never = Some("never".to_owned());
    for version in [ServerVersion::V2_12_8, ServerVersion::V2_15_1] {
        let server = NatsServer::builder()
            .version(version)
            .start()
            .await
            .unwrap();
        let (queue, _health) = open(server.url()).await;
        let job = || create_notification_sms_job(&queue, message("x"));
        job().await.unwrap();
        job().delay(Duration::from_secs(1)).await.unwrap();
        job().delay(Duration::from_secs(3600)).await.unwrap();
        let start = std::time::Instant::now();
        while ages(&server, "schedule").await.len() > 1 {
            assert!(start.elapsed() < PATIENCE, "it comes due");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(ages(&server, "schedule").await, vec![never.clone(); 1]);
        // The server stored the second of them itself.
        assert_eq!(ages(&server, "send").await, [never.clone(), never.clone()]);

        // What waits for another attempt, too.
        let handler = handler_fn(|_: SmsJob, _| async {
            Outcome::Retry {
                after: Some(Duration::from_secs(3600)),
                reason: "not now".to_owned(),
            }
        });
        let worker = Worker::with_handler(queue.clone(), handler)
            .unlimited()
            .spawn();
        while ages(&server, "schedule").await.len() < 3 {
            assert!(start.elapsed() < PATIENCE, "both are tried");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        worker.shutdown(Duration::from_secs(5)).await.unwrap();
        assert_eq!(ages(&server, "schedule").await, vec![never.clone(); 3]);
    }
}
