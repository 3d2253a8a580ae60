//! How long it takes to find a job that nobody started yet, in a queue of one tenant and of many.

use std::time::{Duration, Instant};

use queue::backend::{Backend, JetStreamBackend};
use queue::job::Tenant;
use queue::testing::nats_server::NatsServer;
use queue_benches::report::{heading, percentiles};

use crate::scale;
use crate::store::{envelope, open};

/// Jobs of as many tenants as there are jobs, and of one.
pub(crate) async fn measure(server: &NatsServer) {
    let backlog = scale("QUEUE_BENCH_BACKLOG", 20_000);
    heading(&format!("look-up of a waiting job among {backlog}"));
    for (tenants, what) in [(1, "one tenant"), (backlog, "a tenant for each job")] {
        let backend = open(server).await;
        let mut number = 0;
        while number < backlog {
            let batch = (backlog - number).min(backend.enqueue_batch_max() as u64);
            let jobs = (number..number + batch).map(|number| {
                let mut job = envelope(None);
                job.tenant =
                    Some(Tenant::new(format!("tenant-{}", number % tenants)).expect("a name"));
                job
            });
            backend.enqueue(jobs.collect()).await.expect("enqueue");
            number += batch;
        }
        percentiles(&format!("queue, {what}"), sample(&backend).await);
    }
}

/// How long it takes to find a job that nobody started yet.
pub(crate) async fn sample(backend: &JetStreamBackend) -> Vec<Duration> {
    let job = envelope(None);
    let id = job.id;
    backend.enqueue(vec![job]).await.expect("enqueue");
    let mut looks = Vec::new();
    for _ in 0..100 {
        let start = Instant::now();
        assert!(backend.job(id).await.expect("an answer").is_some());
        looks.push(start.elapsed());
    }
    backend.cancel(id).await.expect("an answer");
    looks
}
