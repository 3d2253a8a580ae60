//! Idle latency: from the enqueue of a job until an idle worker's lease has it.

use std::time::{Duration, Instant};

use queue::backend::Backend;
use queue::testing::nats_server::NatsServer;
use queue_benches::raw_nats::{RawNats, Records};
use queue_benches::report::{heading, percentiles};

use crate::store::{ENVELOPE_BYTES, envelope, open, request, settle};

/// From the enqueue of a job until an idle worker's lease has it.
pub(crate) async fn measure(server: &NatsServer) {
    const SAMPLES: usize = 300;
    heading("idle latency: from the enqueue to the waiting worker");
    for (records, what) in [
        (Records::None, "async-nats, nothing recorded"),
        (
            Records::Started,
            "async-nats, its start recorded (the ceiling)",
        ),
    ] {
        let raw = RawNats::open(&server.url(), ENVELOPE_BYTES).await;
        let mut samples = Vec::with_capacity(SAMPLES);
        for _ in 0..SAMPLES {
            let taker = raw.clone();
            let taken = tokio::spawn(async move {
                taker.take_one(records).await;
                Instant::now()
            });
            tokio::time::sleep(Duration::from_millis(5)).await;
            let start = Instant::now();
            raw.publish().await;
            samples.push(taken.await.expect("no panic") - start);
        }
        percentiles(what, samples);
    }

    let backend = open(server).await;
    let mut samples = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let taker = backend.clone();
        let taken = tokio::spawn(async move {
            let deliveries = taker.lease(request(1)).await.expect("lease");
            let at = Instant::now();
            settle(&*taker, deliveries).await;
            at
        });
        tokio::time::sleep(Duration::from_millis(5)).await;
        let start = Instant::now();
        backend
            .enqueue(vec![envelope(None)])
            .await
            .expect("enqueue");
        samples.push(taken.await.expect("no panic") - start);
    }
    percentiles("queue, its start recorded", samples);
}
