//! A whole worker, 64 jobs at a time: each is leased, decoded, rendered and handed to a provider that does nothing, and its
//! start and its end are recorded. Beside it 64 messages at a time with the same records, each on its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use queue::provider::{Provider, ProviderError, Receipt, SendContext};
use queue::sms::SmsMessage;
use queue::testing::nats_server::NatsServer;
use queue::{BoxFuture, NotificationSms, Queue, SmsJob, Worker, create_notification_sms_job};
use queue_benches::raw_nats::RawNats;
use queue_benches::report::{heading, line, round};
use tokio::sync::Notify;

use crate::ROUNDS;
use crate::store::{AT_ONCE, ENVELOPE_BYTES, open_for};

const JOBS: u64 = 20_000;
/// As long as makes the payload one of 214 bytes.
const TEXT_BYTES: usize = 140;

/// Takes everything and sends nothing, and tells when it was the last.
struct Nowhere {
    left: AtomicU64,
    all_sent: Arc<Notify>,
}

impl Provider<SmsMessage> for Nowhere {
    fn name(&self) -> &str {
        "nowhere"
    }

    fn send<'a>(
        &'a self,
        _: &'a SmsMessage,
        _: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async {
            if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
                self.all_sent.notify_one();
            }
            Ok(Receipt::new("nowhere"))
        })
    }
}

pub(crate) async fn measure(server: &NatsServer) {
    heading("a worker, 64 jobs at a time, their start and end recorded");
    let (mut raws, mut workers) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let raw = RawNats::open(&server.url(), ENVELOPE_BYTES).await;
        raw.publish_many(JOBS).await;
        raws.push(round(raw.drain_flowing(JOBS, AT_ONCE)).await);

        let queue = Queue::<SmsJob>::builder().over(open_for(server, "sms").await);
        let jobs = (0..JOBS).map(|_| {
            let job = NotificationSms {
                recipient: "+254712000001".parse().expect("a number"),
                message: "x".repeat(TEXT_BYTES),
            };
            create_notification_sms_job(&queue, job)
        });
        for stored in queue.enqueue_many(jobs).await {
            stored.expect("enqueue");
        }
        let all_sent = Arc::new(Notify::new());
        let provider = Nowhere {
            left: AtomicU64::new(JOBS),
            all_sent: all_sent.clone(),
        };
        workers.push(
            round(async {
                let worker = Worker::new(queue, provider).concurrency(AT_ONCE);
                let worker = worker.unlimited().spawn();
                all_sent.notified().await;
                let report = worker.shutdown(Duration::from_secs(10)).await;
                assert_eq!(report.expect("a run").run.completed, JOBS);
                JOBS
            })
            .await,
        );
    }
    line(
        "async-nats, start and end fenced (the ceiling)",
        &raws,
        None,
    );
    line("queue, a worker with a provider", &workers, Some(&raws));
}
