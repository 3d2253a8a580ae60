//! Questions and repairs over many jobs go in steps, each of a bounded size, and still do all of it.

use std::time::Duration;

use queue::State;
use queue::backend::{Backend, ListFilter, SqliteBackend, SqliteOptions};
use queue::job::{Envelope, Kind, KindInfo, Priority, Tenant, UnknownPolicy};

use crate::support::{QUEUE, envelope, put, take};

const LATER: &[KindInfo] = &[KindInfo {
    name: "pong",
    version: 1,
    priority: Priority::Normal,
    max_attempts: 3,
    unknown: UnknownPolicy::Retry,
    secret: false,
}];

async fn in_memory() -> SqliteBackend {
    SqliteBackend::open(SqliteOptions::in_memory())
        .await
        .unwrap()
}

async fn fill(backend: &SqliteBackend, jobs: usize, change: impl Fn(&mut Envelope)) {
    for _ in 0..jobs / 1000 {
        let batch = (0..1000).map(|_| {
            let mut envelope = envelope();
            change(&mut envelope);
            envelope
        });
        backend.enqueue(batch.collect()).await.unwrap();
    }
}

#[tokio::test]
async fn a_filter_that_few_jobs_fulfil_pages_through_all() {
    let backend = in_memory().await;
    fill(&backend, 45_000, |_| {}).await;
    let mut rare = envelope();
    rare.tenant = Tenant::new("acme").ok();
    let id = rare.id;
    backend.enqueue(vec![rare]).await.unwrap();
    let mut filter = ListFilter {
        tenant: Tenant::new("acme").ok(),
        ..ListFilter::new(QUEUE)
    };
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let page = backend.list(filter.clone()).await.unwrap();
        pages += 1;
        found.extend(page.jobs.iter().map(|job| job.id));
        match page.next {
            Some(next) => {
                assert!(
                    filter.after.is_none_or(|after| next.0 > after.0),
                    "it goes on"
                );
                filter.after = Some(next);
            }
            None => break,
        }
    }
    assert_eq!(found, [id]);
    assert!(pages > 1, "not in one call");
}

#[tokio::test]
async fn everything_parked_is_adopted() {
    let backend = in_memory().await;
    fill(&backend, 3000, |envelope| {
        envelope.kind = Kind::from_static("pong");
    })
    .await;
    while backend.stats(QUEUE.to_owned()).await.unwrap().parked < 3000 {
        assert!(take(&backend, 1000, Duration::ZERO).await.is_empty());
    }
    let known = put(&backend).await;
    let adopted = backend.unpark(QUEUE.to_owned(), LATER).await.unwrap();
    assert_eq!(adopted, 3000);
    let stats = backend.stats(QUEUE.to_owned()).await.unwrap();
    assert_eq!((stats.ready, stats.parked), (3001, 0));
    assert!(backend.job(known).await.unwrap().is_some());
}

#[tokio::test]
async fn a_purge_deletes_every_state_it_is_told_and_no_other() {
    let backend = in_memory().await;
    fill(&backend, 6000, |_| {}).await;
    fill(&backend, 1000, |envelope| {
        envelope.due_at = envelope.due_at.saturating_add(Duration::from_secs(3600));
    })
    .await;
    for delivery in take(&backend, 500, Duration::ZERO).await {
        let dead = queue::backend::Settlement {
            lease: delivery.lease,
            disposition: queue::backend::Disposition::Dead {
                reason: "a reason".to_owned(),
            },
        };
        backend.settle(vec![dead]).await.unwrap();
    }
    let purge = |states: Vec<State>| backend.purge(QUEUE.to_owned(), states);
    assert_eq!(
        purge(vec![State::Retrying, State::Completed])
            .await
            .unwrap(),
        0
    );
    assert_eq!(purge(vec![State::Dead]).await.unwrap(), 500);
    assert_eq!(
        purge(vec![State::Ready, State::Scheduled]).await.unwrap(),
        6500
    );
    let stats = backend.stats(QUEUE.to_owned()).await.unwrap();
    assert_eq!(
        State::ALL
            .map(|state| stats.count(state))
            .iter()
            .sum::<u64>(),
        0
    );
    assert!(
        backend
            .list(ListFilter::new(QUEUE))
            .await
            .unwrap()
            .jobs
            .is_empty()
    );
}
