//! The recording provider: what a worker's sends leave behind, also when it dies.

use std::sync::Arc;
use std::time::Duration;

use queue::backend::{Backend, BackendErrorKind, SqliteBackend, SqliteOptions};
use queue::clock::{ManualClock, Timestamp};
use queue::delivery::{Deliveries, DeliveryReport, DeliveryStatus, Tracked};
use queue::job::{RecipientKey, UnknownPolicy};
use queue::provider::{
    Answer, Capacity, Inquiry, Mock, MockAnswer, Provider, ProviderError, Receipt, SendContext,
};
use queue::testing::TestQueue;
use queue::testing::fault::{FaultyBackend, StoreCall, StoreFault};
use queue::{
    BoxFuture, JobId, PhoneNumber, Priority, Queue, SmsJob, SmsMessage, SmsText, State, Worker,
};

use crate::store::Store;

use super::support::{changed, eventually, only, receipt, report, status, welcome};
use DeliveryStatus::{Accepted, Delivered, Unknown};

fn message() -> SmsMessage {
    let number: PhoneNumber = "0712345678".parse().unwrap();
    SmsMessage::new(number, SmsText::new("hello").unwrap())
}

async fn in_memory(clock: &ManualClock) -> Arc<dyn Backend> {
    let options = SqliteOptions::in_memory().clock(Arc::new(clock.clone()));
    Arc::new(SqliteBackend::open(options).await.unwrap())
}

crate::store::on_each_store! {
    "current_thread": a_workers_receipts_are_on_record,
        an_attempt_that_is_cut_off_while_it_records_keeps_its_receipt,
        what_is_on_record_is_not_asked_about,
        the_capacity_is_the_inner_providers
}

async fn a_workers_receipts_are_on_record(store: Store) {
    let queue = &store.queue;
    let deliveries = Deliveries::of(queue).build();
    let mock = Mock::new().then(MockAnswer::transient());
    let tracked = Tracked::new(mock.clone(), deliveries.clone());
    let job = welcome(queue).await;
    assert_eq!(queue.drain(&tracked).await.completed, 1);
    // The first attempt surely sent nothing: only the second has a message.
    let known = only(&deliveries, job).await;
    assert_eq!((known.attempt, known.status), (2, Accepted));
    assert_eq!(
        (known.provider.as_str(), tracked.inner().sent_count()),
        ("mock", 1)
    );
    assert_eq!(known.segments, 1);
    assert_eq!(
        known.recipient,
        Some(RecipientKey::new("sms", "+254712345678"))
    );
}

#[tokio::test]
async fn a_report_decides_a_job_that_ended_unknown() {
    let clock = ManualClock::default();
    let queue = Queue::<SmsJob>::builder()
        .clock(clock.clone())
        .unknown(UnknownPolicy::Stop)
        .over(in_memory(&clock).await);
    let deliveries = Deliveries::of(&queue).build();
    let mock = Mock::new().then(MockAnswer::unknown());
    let job = welcome(&queue).await;
    let tracked = Tracked::new(mock, deliveries.clone());
    Worker::new(queue.clone(), tracked)
        .run_until_empty()
        .await
        .unwrap();
    assert_eq!(status(&deliveries, job).await, Unknown);

    let applied = deliveries
        .apply_to(job, 1, DeliveryReport::new("mock", "SM1", Delivered))
        .await;
    changed(applied.unwrap());
    let known = deliveries.job(job).await.unwrap().unwrap();
    assert_eq!(known.status(), Delivered);
    // The job's own state is what its attempt was.
    let view = queue.job(job).await.unwrap().unwrap();
    assert_eq!(view.state, State::Unknown);
}

#[tokio::test]
async fn a_worker_that_dies_before_it_settles_leaves_the_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions::in_folder(folder.path());
    let store = Arc::new(SqliteBackend::open(options).await.unwrap());
    let faulty = Arc::new(FaultyBackend::new(store));
    let queue = Queue::<SmsJob>::builder()
        .unknown(UnknownPolicy::Stop)
        .over(faulty.clone());
    // Nothing is ever settled: the process might as well be dead.
    faulty.fail_from(StoreCall::Settle, 1, StoreFault::Hang);
    let deliveries = Deliveries::of(&queue).build();
    let job = welcome(&queue).await;
    let worker = Worker::new(queue, Tracked::new(Mock::new(), deliveries.clone())).spawn();
    eventually("the receipt", || async {
        deliveries.job(job).await.unwrap().is_some()
    })
    .await;
    let id = only(&deliveries, job).await.message_id.unwrap();
    drop(worker);

    let url = format!("file:{}", folder.path().display());
    let again = Queue::<SmsJob>::open(&url).await.unwrap();
    let deliveries = Deliveries::of(&again).build();
    let view = again.job(job).await.unwrap().unwrap();
    assert!(view.receipt.is_none(), "it was never settled");
    let delivered = DeliveryReport::new("mock", id, Delivered);
    changed(deliveries.apply(delivered).await.unwrap());
    assert_eq!(status(&deliveries, job).await, Delivered);
}

#[tokio::test]
async fn a_store_that_takes_no_records_does_not_stop_sending() {
    let clock = ManualClock::default();
    let faulty = FaultyBackend::new(in_memory(&clock).await);
    let faulty = Arc::new(faulty);
    let queue = TestQueue::<SmsJob>::over(faulty.clone(), clock);
    let refuse = StoreFault::Refuse(BackendErrorKind::Full);
    faulty.fail_from(StoreCall::Record, 1, refuse);
    let deliveries = Deliveries::of(&queue).build();
    let mock = Mock::new();
    let job = welcome(&queue).await;
    let tracked = Tracked::new(mock.clone(), deliveries.clone());
    assert_eq!(queue.drain(&tracked).await.completed, 1);
    assert_eq!(mock.sent_count(), 1);
    faulty.heal();
    assert_eq!(deliveries.job(job).await.unwrap(), None);
}

async fn an_attempt_that_is_cut_off_while_it_records_keeps_its_receipt(store: Store) {
    let queue = &store.queue;
    let deliveries = Deliveries::of(queue).build();
    let tracked = Tracked::new(Mock::new(), deliveries.clone());
    let message = message();
    let context = SendContext::new(JobId::new(), Duration::from_secs(5));
    let mut send = Box::pin(tracked.send(&message, &context));
    // Polled until the provider has answered, and dropped in the middle of the record.
    let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(send.as_mut().poll(cx))).await;
    assert!(polled.is_pending());
    drop(send);
    eventually("the record", || async {
        deliveries.job(context.job).await.unwrap().is_some()
    })
    .await;
}

async fn what_is_on_record_is_not_asked_about(store: Store) {
    let queue = &store.queue;
    let deliveries = Deliveries::of(queue).build();
    let tracked = Tracked::new(Mock::new(), deliveries.clone());
    let (job, message) = (JobId::new(), message());
    let now = Timestamp::from_millis(0);
    let inquiry = Inquiry::new(job, 1, now, &message, Duration::from_secs(5));
    // The provider's own answer: it never got anything.
    let answer = tracked.inquire(&inquiry).await.unwrap();
    assert_eq!(answer, Answer::NotSent);

    let taken = receipt("1").segments(2);
    deliveries.accepted(job, 2, &taken, None).await.unwrap();
    changed(deliveries.apply(report("1", Delivered)).await.unwrap());
    let answer = tracked.inquire(&inquiry).await.unwrap();
    assert_eq!(answer, Answer::Accepted(taken));
    // What an earlier attempt sent says nothing of a later one.
    let later = Inquiry::new(job, 3, now, &message, Duration::from_secs(5));
    let answer = tracked.inquire(&later).await.unwrap();
    assert_eq!(answer, Answer::NotSent);
}

#[tokio::test]
async fn a_job_in_doubt_is_completed_from_the_record() {
    let clock = ManualClock::default();
    let store = in_memory(&clock).await;
    let faulty = Arc::new(FaultyBackend::new(store.clone()));
    let builder = || {
        Queue::<SmsJob>::builder()
            .clock(clock.clone())
            .unknown(UnknownPolicy::Ask)
    };
    // The first worker sends, and then can tell the store nothing more.
    let first = builder().over(faulty.clone());
    for call in [StoreCall::Settle, StoreCall::Extend] {
        faulty.fail_from(call, 1, StoreFault::Hang);
    }
    let deliveries = Deliveries::of(&first).build();
    let job = welcome(&first).await;
    let worker = Worker::new(first, Tracked::new(Mock::new(), deliveries.clone())).spawn();
    eventually("the receipt", || async {
        deliveries.job(job).await.unwrap().is_some()
    })
    .await;
    drop(worker);

    // The second one's provider knows of no message and would send it again.
    clock.advance(Duration::from_secs(120));
    let second = builder().over(store);
    let mock = Mock::new();
    let deliveries = Deliveries::of(&second).build();
    let tracked = Tracked::new(mock.clone(), deliveries.clone());
    eventually("the completion", || async {
        let worker = Worker::new(second.clone(), tracked.clone());
        worker.run_until_empty().await.unwrap();
        clock.advance(Duration::from_secs(10));
        second.job(job).await.unwrap().unwrap().state == State::Completed
    })
    .await;
    assert_eq!(mock.sent_count(), 0);
    assert_eq!(only(&deliveries, job).await.attempt, 1);
}

/// A provider that takes three at a time, and sends nothing.
struct Narrow;

impl Provider<SmsMessage> for Narrow {
    fn name(&self) -> &str {
        "narrow"
    }

    fn send<'a>(
        &'a self,
        _: &'a SmsMessage,
        _: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async { Err(ProviderError::transient("it is for its capacity only")) })
    }

    fn capacity(&self, _: Priority, _: Timestamp) -> Capacity {
        Capacity::Upto(3)
    }
}

async fn the_capacity_is_the_inner_providers(store: Store) {
    let queue = &store.queue;
    let deliveries = Deliveries::of(queue).build();
    let tracked = Tracked::new(Narrow, deliveries.clone());
    let now = Timestamp::from_millis(0);
    let capacity = Provider::<SmsMessage>::capacity(&tracked, Priority::Normal, now);
    assert_eq!(capacity, Capacity::Upto(3));
    // And what was surely not sent leaves no record.
    let context = SendContext::new(JobId::new(), Duration::from_secs(5));
    tracked.send(&message(), &context).await.unwrap_err();
    assert_eq!(deliveries.job(context.job).await.unwrap(), None);
}
