//! Drain: a shallow backlog and a deep one.

use queue::backend::Backend;
use queue::testing::nats_server::NatsServer;
use queue_benches::raw_nats::{RawNats, Records};
use queue_benches::report::{heading, line, percentiles, round};

use crate::store::{AT_ONCE, ENVELOPE_BYTES, fill, open, request, settle};
use crate::{ROUNDS, look_up, scale};

const SHALLOW: u64 = 5_000;

pub(crate) async fn measure(server: &NatsServer) {
    heading("drain, 64 at a time");
    let deep = scale("QUEUE_BENCH_BACKLOG", 20_000);
    for backlog in [SHALLOW, deep] {
        let (mut bare, mut appended) = (Vec::new(), Vec::new());
        let (mut fenced, mut queues) = (Vec::new(), Vec::new());
        let (mut fills, mut looks) = (Vec::new(), Vec::new());
        // A million jobs take minutes.
        let rounds = if backlog > 200_000 { 1 } else { ROUNDS };
        for _ in 0..rounds {
            let backend = open(server).await;
            let size = backend.enqueue_batch_max() as u64;
            for (records, rounds) in [
                (Records::None, &mut bare),
                (Records::Appended, &mut appended),
                (Records::Fenced, &mut fenced),
            ] {
                let raw = RawNats::open(&server.url(), ENVELOPE_BYTES).await;
                // Stored as a backlog of ours is.
                raw.publish_whole(backlog, size).await;
                rounds.push(round(raw.drain(backlog, AT_ONCE, records)).await);
            }
            fills.push(round(fill(&backend, backlog)).await);
            looks.extend(look_up::sample(&backend).await);
            queues.push(round(drain(&*backend, backlog)).await);
        }
        line(
            &format!("queue, enqueue of {backlog} in bulk"),
            &fills,
            None,
        );
        percentiles(
            &format!("queue, look-up of a waiting job among {backlog}"),
            looks,
        );
        let ceiling = fenced;
        line(
            &format!("async-nats, {backlog}, nothing recorded"),
            &bare,
            None,
        );
        line(
            &format!("async-nats, {backlog}, start and end appended"),
            &appended,
            None,
        );
        line(
            &format!("async-nats, {backlog}, start and end fenced (the ceiling)"),
            &ceiling,
            None,
        );
        line(&format!("queue, {backlog}"), &queues, Some(&ceiling));
    }
}

async fn drain(backend: &dyn Backend, jobs: u64) -> u64 {
    let mut done = 0;
    while done < jobs {
        let deliveries = backend.lease(request(AT_ONCE)).await.expect("lease");
        done += deliveries.len() as u64;
        settle(backend, deliveries).await;
    }
    done
}
