//! Outcomes: each is recorded for itself.

use std::time::Duration;

use async_nats::jetstream;
use queue::testing::nats_server::NatsServer;
use queue::worker::{Outcome, handler_fn};
use queue::{SmsJob, Worker, create_notification_sms_job};

use super::support::{PATIENCE, enqueue, message, open};

/// Bounds what the stream of jobs that are set aside takes.
async fn bound_dead_letters(server: &NatsServer, max_message_size: i32) {
    let context = jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let mut stream = context.get_stream("SMS_DEAD").await.unwrap();
    let mut config = stream.info().await.unwrap().config.clone();
    config.max_message_size = max_message_size;
    context.update_stream(config).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_can_not_be_set_aside_holds_up_no_other() {
    let server = NatsServer::start().await.unwrap();
    let (queue, _health) = open(server.url()).await;
    bound_dead_letters(&server, 16).await;
    let bad = create_notification_sms_job(&queue, message("bad")).job_id("bad");
    let bad = bad.await.unwrap().job_id;
    for number in 0..20 {
        enqueue(&queue, &number.to_string()).await;
    }
    let handler = handler_fn(|_: SmsJob, context: queue::worker::JobContext| async move {
        match context
            .idempotency_key
            .is_some_and(|key| key.as_str() == "bad")
        {
            true => Outcome::Dead {
                reason: "no".into(),
            },
            false => Outcome::Completed(None),
        }
    });
    let worker = Worker::with_handler(queue.clone(), handler)
        .concurrency(2)
        .visibility(Duration::from_secs(2))
        .unlimited()
        .spawn();
    let stats_become = async |what: fn(&queue::backend::Stats) -> (u64, u64), wanted| {
        let reached = async {
            while what(&queue.stats().await.unwrap()) != wanted {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        assert!(reached.is_ok(), "{:?}", queue.stats().await);
    };
    // One of the two places is held by the job whose outcome can't be recorded.
    stats_become(|stats| (stats.completed, stats.running), (20, 1)).await;
    bound_dead_letters(&server, -1).await;
    stats_become(|stats| (stats.dead, stats.running), (1, 0)).await;
    let report = worker.shutdown(Duration::from_secs(5)).await.unwrap();
    assert_eq!(report.cut_off, 0);
    assert_eq!(queue.job(bad).await.unwrap().unwrap().attempt, 1);
}
