//! How late delayed jobs are leased.

use std::time::Duration;

use queue::backend::Backend;
use queue::clock::{Clock, SystemClock};
use queue::testing::nats_server::NatsServer;
use queue_benches::report::{heading, percentiles};

use crate::scale;
use crate::store::{AT_ONCE, envelope, open, request, settle};

/// How late delayed jobs are leased.
pub(crate) async fn measure(server: &NatsServer) {
    let schedules = scale("QUEUE_BENCH_SCHEDULES", 10_000);
    heading(&format!("{schedules} delayed jobs, due over 5 s"));
    let backend = open(server).await;
    let clock = SystemClock::default();
    let first = clock.now().saturating_add(Duration::from_secs(5));
    for part in (0..schedules)
        .collect::<Vec<_>>()
        .chunks(backend.enqueue_batch_max())
    {
        let spread = |number: &u64| Duration::from_millis(number * 5_000 / schedules);
        let batch = part
            .iter()
            .map(|number| envelope(Some(first.saturating_add(spread(number)))));
        backend.enqueue(batch.collect()).await.expect("enqueue");
    }
    println!(
        "stored {:?} before the first is due",
        first.since(clock.now())
    );
    let mut samples = Vec::new();
    while (samples.len() as u64) < schedules {
        let deliveries = backend.lease(request(AT_ONCE)).await.expect("lease");
        let now = clock.now();
        samples.extend(deliveries.iter().map(|d| now.since(d.envelope.due_at)));
        settle(&*backend, deliveries).await;
    }
    percentiles("late by", samples);
}
