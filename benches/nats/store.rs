//! The measured side: a queue on `nats://`, and what every part does with it.

use std::sync::Arc;
use std::time::Duration;

use queue::backend::{
    Backend, Delivery, Disposition, JetStreamBackend, JetStreamOptions, LeaseRequest, Settlement,
};
use queue::clock::{Clock, SystemClock, Timestamp};
use queue::job::{Envelope, Kind};
use queue::testing::nats_server::NatsServer;
use queue_benches::load::KINDS;

pub(crate) const QUEUE: &str = "bench";
/// How many jobs are taken at once.
pub(crate) const AT_ONCE: usize = 64;
/// An envelope with a payload of 214 bytes, on the wire.
pub(crate) const ENVELOPE_BYTES: usize = 520;

/// A store whose queue is empty: its streams are made anew.
pub(crate) async fn open(server: &NatsServer) -> Arc<JetStreamBackend> {
    open_for(server, QUEUE).await
}

/// A store in which a queue is empty.
pub(crate) async fn open_for(server: &NatsServer, queue: &str) -> Arc<JetStreamBackend> {
    let client = async_nats::connect(server.url())
        .await
        .expect("a connection");
    let context = async_nats::jetstream::new(client);
    for part in ["", "_EVENTS", "_DEAD", "_LIMITS"] {
        // It may not be there.
        let stream = format!("{}{part}", queue.to_uppercase());
        let _ = context.delete_stream(stream).await;
    }
    let options = JetStreamOptions::at(server.url())
        .messages_max(10_000_000)
        .running_max(10_000);
    let backend = JetStreamBackend::open(options).await.expect("a connection");
    backend.prepare(queue).await.expect("the streams");
    Arc::new(backend)
}

pub(crate) fn envelope(due_at: Option<Timestamp>) -> Envelope {
    let payload = format!(r#"{{"type":"ping","text":"{}"}}"#, "x".repeat(180)).into_bytes();
    let now = SystemClock::default().now();
    let mut envelope = Envelope::new(QUEUE, Kind::from_static("ping"), 1, payload, now);
    if let Some(due_at) = due_at {
        envelope.due_at = due_at;
    }
    envelope
}

pub(crate) fn request(max: usize) -> LeaseRequest {
    LeaseRequest {
        queue: QUEUE,
        kinds: KINDS,
        max,
        max_by_priority: [max; 4],
        visibility: Duration::from_secs(30),
        wait: Duration::from_secs(5),
        rate_limit: None,
        limits: Vec::new(),
    }
}

pub(crate) async fn settle(backend: &dyn Backend, deliveries: Vec<Delivery>) {
    let batch = deliveries.into_iter().map(|delivery| Settlement {
        lease: delivery.lease,
        disposition: Disposition::Complete(None),
    });
    backend.settle(batch.collect()).await.expect("settle");
}

pub(crate) async fn fill(backend: &JetStreamBackend, jobs: u64) -> u64 {
    let size = backend.enqueue_batch_max() as u64;
    let mut left = jobs;
    while left > 0 {
        let batch = (0..left.min(size)).map(|_| envelope(None)).collect();
        backend.enqueue(batch).await.expect("enqueue");
        left -= left.min(size);
    }
    jobs
}
