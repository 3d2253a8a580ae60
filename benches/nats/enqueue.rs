//! Enqueue: one caller, many callers, with idempotency keys, in bulk.

use queue::backend::Backend;
use queue::job::{Envelope, Idempotency, IdempotencyKey};
use queue::testing::nats_server::NatsServer;
use queue_benches::load::each;
use queue_benches::raw_nats::RawNats;
use queue_benches::report::{heading, line, round};

use crate::ROUNDS;
use crate::store::{ENVELOPE_BYTES, envelope, fill, open};

const CALLERS: u64 = 64;

pub(crate) async fn measure(server: &NatsServer) {
    heading("enqueue, each caller waits for its own acknowledgement");
    for (callers, jobs) in [(1, 2_000), (CALLERS, 20_000)] {
        let (mut raws, mut queues) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let raw = RawNats::open(&server.url(), ENVELOPE_BYTES).await;
            raws.push(
                round(each(callers, jobs, move || {
                    let raw = raw.clone();
                    async move { raw.publish().await }
                }))
                .await,
            );
            let backend = open(server).await;
            queues.push(
                round(each(callers, jobs, move || {
                    let backend = backend.clone();
                    async move {
                        drop(
                            backend
                                .enqueue(vec![envelope(None)])
                                .await
                                .expect("enqueue"),
                        )
                    }
                }))
                .await,
            );
        }
        let ceiling = raws;
        line(
            &format!("async-nats, {callers} caller(s) (the ceiling)"),
            &ceiling,
            None,
        );
        line(
            &format!("queue, {callers} caller(s)"),
            &queues,
            Some(&ceiling),
        );
    }
    for (callers, jobs) in [(1, 1_000), (CALLERS, 10_000)] {
        let (mut plain, mut raws, mut queues) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let raw = RawNats::open(&server.url(), ENVELOPE_BYTES).await;
            plain.push(
                round(each(callers, jobs, move || {
                    let raw = raw.clone();
                    async move {
                        raw.publish().await;
                        raw.publish().await;
                    }
                }))
                .await,
            );
            let raw = RawNats::open(&server.url(), ENVELOPE_BYTES).await;
            raws.push(
                round(each(callers, jobs, move || {
                    let raw = raw.clone();
                    async move { raw.publish_under_key().await }
                }))
                .await,
            );
            let backend = open(server).await;
            queues.push(
                round(each(callers, jobs, move || {
                    let backend = backend.clone();
                    async move { drop(backend.enqueue(vec![keyed()]).await.expect("enqueue")) }
                }))
                .await,
            );
        }
        line(
            &format!("async-nats, {callers} caller(s), two messages each, unconditional"),
            &plain,
            None,
        );
        let ceiling = raws;
        line(
            &format!("async-nats, {callers} caller(s), a key taken first (the ceiling)"),
            &ceiling,
            None,
        );
        line(
            &format!("queue, {callers} caller(s), each job with a key"),
            &queues,
            Some(&ceiling),
        );
    }
    let (mut raws, mut wholes, mut queues) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let raw = RawNats::open(&server.url(), ENVELOPE_BYTES).await;
        raws.push(round(raw.publish_many(50_000)).await);
        let raw = RawNats::open(&server.url(), ENVELOPE_BYTES).await;
        let backend = open(server).await;
        let size = backend.enqueue_batch_max() as u64;
        wholes.push(round(raw.publish_whole(50_000, size)).await);
        queues.push(round(fill(&backend, 50_000)).await);
    }
    line("async-nats, 1000 on their way", &raws, None);
    let ceiling = wholes;
    line(
        "async-nats, batches stored whole (the ceiling)",
        &ceiling,
        None,
    );
    line("queue, bulk", &queues, Some(&ceiling));
}

/// A job with an idempotency key of its own.
fn keyed() -> Envelope {
    let mut envelope = envelope(None);
    envelope.idempotency = Some(Idempotency {
        key: IdempotencyKey::new(envelope.id.to_string()).expect("a key"),
        window_ms: 86_400_000,
    });
    envelope
}
