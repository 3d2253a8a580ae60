//! The store that fails when it is told to.

use std::sync::Arc;
use std::time::Duration;

use queue::backend::BackendErrorKind;
use queue::clock::ManualClock;
use queue::producer::EnqueueErrorKind;
use queue::provider::Mock;
use queue::testing::TestQueue;
use queue::testing::fault::{FaultyBackend, StoreCall, StoreFault};
use queue::{EnqueueError, SmsJob, Worker, create_welcome_sms_job};

use super::welcome;

async fn faulty() -> (TestQueue<SmsJob>, Arc<FaultyBackend>) {
    let clock = ManualClock::default();
    let store = Arc::new(FaultyBackend::in_memory(&clock).await);
    (TestQueue::over(store.clone(), clock), store)
}

async fn enqueue(queue: &TestQueue<SmsJob>) -> Result<(), BackendErrorKind> {
    let kind = |error: EnqueueError| match error.kind() {
        EnqueueErrorKind::Store(error) => error.kind(),
        other => panic!("{other}"),
    };
    let enqueued = create_welcome_sms_job(queue, welcome("Wanjiru")).await;
    enqueued.map(drop).map_err(kind)
}

#[tokio::test]
async fn the_nth_call_fails_and_the_others_do_not() {
    let (queue, store) = faulty().await;
    enqueue(&queue).await.unwrap();
    let full = StoreFault::Refuse(BackendErrorKind::Full);
    store.fail(StoreCall::Enqueue, 2, full);
    enqueue(&queue).await.unwrap();
    assert_eq!(enqueue(&queue).await, Err(BackendErrorKind::Full));
    enqueue(&queue).await.unwrap();
    assert_eq!(store.calls(StoreCall::Enqueue), 4);
    assert_eq!(
        (queue.stats().await.unwrap().ready, queue.enqueued().len()),
        (3, 3)
    );
}

#[tokio::test]
async fn a_lasting_fault_ends_when_it_is_healed() {
    let (queue, store) = faulty().await;
    let locked = StoreFault::Refuse(BackendErrorKind::Locked);
    store.fail_from(StoreCall::Enqueue, 1, locked);
    for _ in 0..3 {
        assert_eq!(enqueue(&queue).await, Err(BackendErrorKind::Locked));
    }
    store.heal();
    enqueue(&queue).await.unwrap();
}

#[tokio::test]
async fn a_failed_sync_poisons_the_store_for_good() {
    let (queue, store) = faulty().await;
    store.fail_sync(2);
    enqueue(&queue).await.unwrap();
    assert_eq!(enqueue(&queue).await, Err(BackendErrorKind::Poisoned));
    store.heal();
    assert_eq!(enqueue(&queue).await, Err(BackendErrorKind::Poisoned));
    // The write whose sync failed is there all the same; nobody was promised anything.
    assert_eq!(queue.stats().await.unwrap().ready, 2);
    assert_eq!(queue.enqueued().len(), 1);
}

#[tokio::test]
async fn a_disk_that_hangs_never_answers() {
    let (queue, store) = faulty().await;
    store.fail(StoreCall::Enqueue, 1, StoreFault::Hang);
    let hung = tokio::time::timeout(Duration::from_millis(20), enqueue(&queue)).await;
    assert!(hung.is_err());
    enqueue(&queue).await.unwrap();
    assert_eq!(queue.stats().await.unwrap().ready, 1);
}

#[tokio::test]
async fn a_worker_survives_an_outage_of_the_store() {
    let (queue, store) = faulty().await;
    enqueue(&queue).await.unwrap();
    let full = StoreFault::Refuse(BackendErrorKind::Full);
    store.fail_from(StoreCall::Lease, 1, full);
    let mock = Mock::new();
    let worker = Worker::new(queue.clone(), mock.clone()).unlimited().spawn();
    while store.calls(StoreCall::Lease) < 3 {
        tokio::task::yield_now().await;
        queue.advance(Duration::from_secs(1));
    }
    assert_eq!(mock.sent_count(), 0);
    store.heal();
    // No further than the end of the wait: a clock that runs on ends every lease before its job can begin.
    let refused = store.calls(StoreCall::Lease);
    while store.calls(StoreCall::Lease) == refused {
        tokio::task::yield_now().await;
        queue.advance(Duration::from_secs(1));
    }
    while mock.sent_count() == 0 {
        tokio::task::yield_now().await;
    }
    worker.stop();
    assert_eq!(worker.finished().await.unwrap().completed, 1);
}

#[tokio::test]
#[should_panic(expected = "the jobs can't be run: the worker stopped: its store is poisoned")]
async fn a_run_says_why_it_ended() {
    let (queue, store) = faulty().await;
    enqueue(&queue).await.unwrap();
    store.fail_sync(1);
    queue.run_due(&Mock::new()).await;
}
