//! Limits of recipients and tenants, as a worker uses them; and how a flood of one of them comes back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use queue::backend::{
    Backend, KeyedLimit, LeaseRequest, LimitScope, ListFilter, RateLimit, SqliteBackend,
    SqliteOptions,
};
use queue::clock::{Clock, ManualClock};
use queue::job::Tenant;
use queue::provider::Mock;
use queue::testing::TestQueue;
use queue::{JobId, NotificationSms, SmsJob, State, Worker, create_notification_sms_job};

use crate::support::{KINDS, QUEUE, VISIBILITY, envelope};

const HOUR: Duration = Duration::from_secs(3600);

async fn put(queue: &TestQueue<SmsJob>, recipient: &str, tenant: &str) -> JobId {
    let note = NotificationSms {
        recipient: recipient.parse().unwrap(),
        message: "Habari".into(),
    };
    let job = create_notification_sms_job(queue, note).tenant(tenant);
    job.await.unwrap().job_id
}

#[tokio::test]
async fn a_worker_sends_no_recipient_more_than_the_limit() {
    let queue = TestQueue::<SmsJob>::new().await;
    // However the number is written, it is one recipient.
    let mut to_one = Vec::new();
    for spelling in ["0712345678", "+254 712 345 678", "254712345678"] {
        to_one.push(put(&queue, spelling, "acme").await);
    }
    put(&queue, "0712345679", "acme").await;
    let mock = Mock::new();
    let run = || {
        Worker::new(queue.clone(), mock.clone())
            .unlimited()
            .recipient_limit(2, HOUR)
            .run_until_empty()
    };
    assert_eq!(run().await.unwrap().completed, 3);
    assert_eq!(mock.sent_to(&"0712345678".parse().unwrap()).len(), 2);
    let view = queue.job(to_one[2]).await.unwrap().unwrap();
    assert_eq!((view.state, view.attempt), (State::Snoozed, 0));
    queue.advance(2 * HOUR);
    assert_eq!(run().await.unwrap().completed, 1);
    mock.assert_sent_count(4);
}

#[tokio::test]
async fn a_worker_sends_for_no_tenant_more_than_the_limit() {
    let queue = TestQueue::<SmsJob>::new().await;
    for tenant in ["loud", "loud", "loud", "calm"] {
        put(&queue, "0712345678", tenant).await;
    }
    let mock = Mock::new();
    let worker = Worker::new(queue.clone(), mock.clone());
    let report = worker.tenant_limit(1, HOUR).run_until_empty().await;
    assert_eq!(report.unwrap().completed, 2);
    let mut tenants: Vec<_> = mock
        .calls()
        .iter()
        .map(|call| call.context.tenant.clone().map(String::from))
        .collect();
    tenants.sort();
    assert_eq!(tenants, [Some("calm".into()), Some("loud".into())]);
}

async fn open(folder: &Path, clock: &ManualClock) -> SqliteBackend {
    let options = SqliteOptions::in_folder(folder).clock(Arc::new(clock.clone()));
    SqliteBackend::open(options).await.unwrap()
}

async fn flood(backend: &SqliteBackend, clock: &ManualClock, count: usize) {
    let batch = (0..count).map(|_| {
        let mut envelope = envelope();
        envelope.created_at = clock.now();
        envelope.due_at = clock.now();
        envelope.tenant = Some(Tenant::new("acme").unwrap());
        envelope
    });
    backend.enqueue(batch.collect()).await.unwrap();
}

async fn take(backend: &SqliteBackend, max: usize, rate: RateLimit) -> usize {
    let scope = LimitScope::Tenant;
    let request = LeaseRequest {
        queue: QUEUE,
        kinds: KINDS,
        max,
        max_by_priority: [max; 4],
        visibility: VISIBILITY,
        wait: Duration::ZERO,
        rate_limit: None,
        limits: vec![KeyedLimit { scope, rate }],
    };
    backend.lease(request).await.unwrap().len()
}

#[tokio::test]
async fn processes_share_a_limit_and_a_new_one_knows_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let rate = RateLimit {
        count: 5,
        per: 24 * HOUR,
    };
    let (one, other) = (
        open(folder.path(), &clock).await,
        open(folder.path(), &clock).await,
    );
    flood(&one, &clock, 20).await;
    assert_eq!(take(&one, 3, rate).await, 3);
    assert_eq!(take(&other, 3, rate).await, 2);
    for backend in [one, other] {
        backend.close().await.unwrap();
    }
    // After a restart, and hours later.
    clock.advance(8 * HOUR);
    let third = open(folder.path(), &clock).await;
    flood(&third, &clock, 5).await;
    assert_eq!(take(&third, 3, rate).await, 0);
}

/// The moments at which the snoozed jobs come back, in ms from now.
async fn booked(backend: &SqliteBackend, clock: &ManualClock) -> Vec<i64> {
    let mut filter = ListFilter::new(QUEUE);
    filter.states = vec![State::Snoozed];
    filter.limit = 1000;
    let jobs = backend.list(filter).await.unwrap().jobs;
    let now = clock.now().as_millis();
    let mut booked: Vec<_> = jobs
        .iter()
        .map(|job| job.due_at.as_millis() - now)
        .collect();
    booked.sort_unstable();
    booked
}

#[tokio::test]
async fn a_flood_comes_back_at_the_rate_and_not_all_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let backend = open(folder.path(), &clock).await;
    let rate = RateLimit {
        count: 10,
        per: Duration::from_secs(1),
    };
    flood(&backend, &clock, 510).await;
    let mut taken = 0;
    for _ in 0..10 {
        taken += take(&backend, 20, rate).await;
    }
    assert_eq!(taken, 10);
    let due = booked(&backend, &clock).await;
    assert_eq!(due.len(), 500);
    for (place, at) in due.iter().enumerate() {
        let second = place as i64 / 10;
        let expected = (second + 1) * 1000..(second + 1) * 1000 + (second + 2) * 50 + 1;
        assert!(expected.contains(at), "job {place} comes after {at} ms");
    }
    // Purged jobs leave no gap: whoever comes next has their places.
    backend
        .purge(QUEUE.to_owned(), vec![State::Snoozed])
        .await
        .unwrap();
    flood(&backend, &clock, 5).await;
    assert_eq!(take(&backend, 20, rate).await, 0);
    let due = booked(&backend, &clock).await;
    assert!(due.len() == 5 && due[4] <= 1100, "{due:?}");
    // A job that comes later does not overtake those that wait, and neither waits for them longer than it must.
    flood(&backend, &clock, 10).await;
    assert_eq!(take(&backend, 20, rate).await, 0);
    let due = booked(&backend, &clock).await;
    assert!(due[9] <= 1100 && due[10] > 2000, "{due:?}");
    clock.advance(Duration::from_millis(1100));
    assert_eq!(take(&backend, 20, rate).await, 10);
}
