//! The poller: when it asks, what it makes of answers, and what a restart leaves of it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use queue::backend::BackendErrorKind;
use queue::clock::{Clock, ManualClock, Timestamp};
use queue::delivery::{
    Deliveries, DeliveryPoller, DeliveryReport, DeliveryStatus, PollReport, PollSchedule,
    PollerHandle, ReportSource,
};
use queue::provider::ProviderError;
use queue::testing::TestQueue;
use queue::{BoxFuture, JobId, SmsJob};
use tokio::sync::Mutex;

use super::support::{HOUR, changed, eventually, receipt, report, status};
use DeliveryStatus::{Accepted, Delivered, Failed, Sent, Unknown};

const SECOND: Duration = Duration::from_secs(1);

/// A provider that is asked, and answers as a test says; `Sent` when it says nothing.
struct Scripted {
    clock: ManualClock,
    answers: Mutex<VecDeque<Result<DeliveryStatus, ProviderError>>>,
    asked: Mutex<Vec<(String, Timestamp)>>,
    hang: bool,
}

impl Scripted {
    fn new(clock: &ManualClock) -> Arc<Self> {
        Self::build(clock, false)
    }

    /// One that never answers.
    fn hanging(clock: &ManualClock) -> Arc<Self> {
        Self::build(clock, true)
    }

    fn build(clock: &ManualClock, hang: bool) -> Arc<Self> {
        Arc::new(Self {
            clock: clock.clone(),
            answers: Mutex::default(),
            asked: Mutex::default(),
            hang,
        })
    }

    async fn then(&self, answer: Result<DeliveryStatus, ProviderError>) {
        self.answers.lock().await.push_back(answer);
    }

    async fn count(&self) -> usize {
        self.asked.lock().await.len()
    }

    /// How long after `start` it was asked, each time.
    async fn waits(&self, start: Timestamp) -> Vec<u64> {
        let asked = self.asked.lock().await;
        asked
            .iter()
            .map(|(_, at)| at.since(start).as_secs())
            .collect()
    }
}

impl ReportSource for Scripted {
    fn provider(&self) -> &str {
        "p"
    }

    fn report<'a>(
        &'a self,
        message_id: &'a str,
    ) -> BoxFuture<'a, Result<DeliveryReport, ProviderError>> {
        Box::pin(async move {
            let asked = (message_id.to_owned(), self.clock.now());
            self.asked.lock().await.push(asked);
            if self.hang {
                std::future::pending::<()>().await;
            }
            let answer = self.answers.lock().await.pop_front().unwrap_or(Ok(Sent));
            // Whatever it says that it is about, it is about what was asked.
            answer.map(|status| DeliveryReport::new("somebody", "else", status))
        })
    }
}

/// A clock that says when whoever waits on it waits for a later moment.
#[derive(Clone)]
struct Watched {
    inner: ManualClock,
    sleeps: Arc<std::sync::Mutex<BTreeMap<u64, u64>>>,
    last: Arc<AtomicU64>,
}

impl Watched {
    /// Waits until somebody sleeps, and nobody's time has come: all that was due is done.
    async fn idle(&self) {
        eventually("an idle poller", || async {
            let sleeps = self.sleeps.lock().unwrap();
            !sleeps.is_empty() && sleeps.values().all(|until| *until > self.inner.uptime())
        })
        .await;
    }
}

impl Clock for Watched {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn uptime(&self) -> u64 {
        self.inner.uptime()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        let until = self.uptime() + u64::try_from(duration.as_millis()).unwrap();
        let sleep = self.inner.sleep(duration);
        self.sleeps.lock().unwrap().insert(id, until);
        let forget = Forget(self.clone(), id);
        Box::pin(async move {
            let _forget = forget;
            sleep.await;
        })
    }
}

struct Forget(Watched, u64);

impl Drop for Forget {
    fn drop(&mut self) {
        self.0.sleeps.lock().unwrap().remove(&self.1);
    }
}

/// A store, and the deliveries of one process in it, with the default schedule.
struct Process {
    queue: Arc<TestQueue<SmsJob>>,
    clock: Watched,
    deliveries: Deliveries,
    start: Timestamp,
}

impl Process {
    async fn new() -> Self {
        Self::beside(Arc::new(TestQueue::new().await))
    }

    /// Another process with the same store.
    fn beside(queue: Arc<TestQueue<SmsJob>>) -> Self {
        let clock = Watched {
            inner: queue.clock().clone(),
            sleeps: Arc::default(),
            last: Arc::default(),
        };
        let deliveries = Deliveries::over(queue.records(), Arc::new(clock.clone()))
            .poll("p", PollSchedule::default())
            .build();
        Self {
            start: clock.now(),
            queue,
            clock,
            deliveries,
        }
    }

    async fn accept(&self, id: &str) -> JobId {
        let job = JobId::new();
        let accepted = self.deliveries.accepted(job, 1, &receipt(id), None).await;
        accepted.unwrap();
        job
    }

    fn spawn(&self, source: &Arc<Scripted>) -> PollerHandle {
        DeliveryPoller::builder(self.deliveries.clone(), source.clone()).spawn()
    }

    /// Moves the clock in steps, and lets the poller do what is due at each.
    async fn pass(&self, time: Duration, step: Duration) {
        self.clock.idle().await;
        let mut left = time;
        while !left.is_zero() {
            let step = step.min(left);
            self.queue.advance(step);
            left -= step;
            self.clock.idle().await;
        }
    }
}

/// A process, and one message that was accepted now.
async fn one_message() -> (Process, JobId) {
    let process = Process::new().await;
    let job = process.accept("1").await;
    (process, job)
}

fn counts(handle: &PollerHandle) -> [u64; 4] {
    let PollReport {
        answered,
        failed,
        settled,
        given_up,
        ..
    } = handle.report();
    [answered, failed, settled, given_up]
}

#[tokio::test]
async fn it_asks_by_the_schedule_until_a_report_is_final() {
    let (process, job) = one_message().await;
    let (deliveries, start) = (process.deliveries.clone(), process.start);
    let source = Scripted::new(process.queue.clock());
    for answer in [Accepted, Sent, Sent, Delivered] {
        source.then(Ok(answer)).await;
    }
    let poller = process.spawn(&source);
    process.clock.idle().await;
    assert_eq!(source.count().await, 0, "not before its time");
    process.pass(70 * SECOND, 10 * SECOND).await;
    assert_eq!(status(&deliveries, job).await, Sent);
    process.pass(HOUR, 60 * SECOND).await;
    assert_eq!(status(&deliveries, job).await, Delivered);
    let waits = source.waits(start).await;
    assert_eq!(waits[..2], [10, 60]);
    assert!((300..=370).contains(&waits[2]), "{waits:?}");
    assert!((1_800..=1_870).contains(&waits[3]), "{waits:?}");
    // And never again.
    process.pass(50 * HOUR, HOUR).await;
    assert_eq!(source.count().await, 4);
    let done = poller.shutdown(SECOND).await.unwrap();
    assert_eq!((done.answered, done.settled, done.given_up), (4, 1, 0));
}

#[tokio::test]
async fn after_the_cut_off_the_status_is_unknown_and_a_late_report_still_counts() {
    let (process, job) = one_message().await;
    let (deliveries, start) = (process.deliveries.clone(), process.start);
    let source = Scripted::new(process.queue.clock());
    let poller = process.spawn(&source);
    process.pass(47 * HOUR, HOUR / 2).await;
    assert_eq!(status(&deliveries, job).await, Sent);
    process.pass(2 * HOUR, HOUR / 2).await;
    assert_eq!(status(&deliveries, job).await, Unknown);
    let last = *source.waits(start).await.last().unwrap();
    assert!((48 * 3600..=49 * 3600).contains(&last), "{last}");
    assert_eq!(counts(&poller)[3], 1);
    let asked = source.count().await;
    process.pass(20 * HOUR, HOUR).await;
    assert_eq!(source.count().await, asked);

    changed(deliveries.apply(report("1", Delivered)).await.unwrap());
    assert_eq!(status(&deliveries, job).await, Delivered);
}

#[tokio::test]
async fn a_message_whose_report_was_pushed_is_not_asked_about() {
    let (process, job) = one_message().await;
    let deliveries = process.deliveries.clone();
    let source = Scripted::new(process.queue.clock());
    let poller = process.spawn(&source);
    changed(deliveries.apply(report("1", Failed)).await.unwrap());
    process.pass(100 * SECOND, 10 * SECOND).await;
    assert_eq!(source.count().await, 0);
    assert_eq!(counts(&poller), [0, 0, 1, 0]);
    assert_eq!(status(&deliveries, job).await, Failed);
}

#[tokio::test]
async fn a_provider_that_is_not_planned_is_not_asked() {
    let process = Process::new().await;
    let unplanned = Deliveries::of(&process.queue).build();
    unplanned
        .accepted(JobId::new(), 1, &receipt("1"), None)
        .await
        .unwrap();
    let source = Scripted::new(process.queue.clock());
    let _poller = process.spawn(&source);
    process.pass(100 * SECOND, 10 * SECOND).await;
    assert_eq!(source.count().await, 0);
}

#[tokio::test]
async fn a_failed_question_is_asked_again() {
    let (process, job) = one_message().await;
    let (deliveries, start) = (process.deliveries.clone(), process.start);
    let source = Scripted::new(process.queue.clock());
    source.then(Err(ProviderError::transient("no"))).await;
    source.then(Err(ProviderError::unknown("no"))).await;
    source.then(Ok(Delivered)).await;
    let poller = process.spawn(&source);
    process.pass(200 * SECOND, 5 * SECOND).await;
    assert_eq!(status(&deliveries, job).await, Delivered);
    let waits = source.waits(start).await;
    assert_eq!(waits.len(), 3, "{waits:?}");
    assert!(
        waits[0] == 10 && waits[1] >= 70 && waits[2] >= 130,
        "{waits:?}"
    );
    assert_eq!(counts(&poller), [1, 2, 1, 0]);
}

#[tokio::test]
async fn a_message_that_can_not_be_asked_about_waits_for_the_next_step() {
    let (process, job) = one_message().await;
    let (deliveries, start) = (process.deliveries.clone(), process.start);
    let source = Scripted::new(process.queue.clock());
    source.then(Err(ProviderError::rejected("no"))).await;
    source.then(Ok(Delivered)).await;
    let _poller = process.spawn(&source);
    process.pass(70 * SECOND, 5 * SECOND).await;
    assert_eq!(source.waits(start).await, [10, 60]);
    assert_eq!(status(&deliveries, job).await, Delivered);
}

#[tokio::test]
async fn a_provider_that_refuses_us_holds_all_questions() {
    for refusal in [
        ProviderError::throttled(30 * SECOND, "too many"),
        ProviderError::misconfigured("who are you?"),
    ] {
        let (process, _) = one_message().await;
        let (deliveries, start) = (process.deliveries.clone(), process.start);
        let source = Scripted::new(process.queue.clock());
        source.then(Err(refusal)).await;
        process.queue.advance(5 * SECOND);
        let second = process.accept("2").await;
        let _poller = process.spawn(&source);
        process.pass(25 * SECOND, 5 * SECOND).await;
        let waits = source.waits(start).await;
        assert_eq!(waits, [10], "the second message was due after 15 s");
        process.pass(60 * SECOND, 5 * SECOND).await;
        assert!(source.count().await >= 3, "{:?}", source.waits(start).await);
        assert_eq!(status(&deliveries, second).await, Sent);
    }
}

#[tokio::test]
async fn a_provider_that_never_answers_is_given_up_in_the_end() {
    let (process, job) = one_message().await;
    let (deliveries, start) = (process.deliveries.clone(), process.start);
    let source = Scripted::new(process.queue.clock());
    for _ in 0..200 {
        let down = ProviderError::throttled(24 * HOUR, "down for good");
        source.then(Err(down)).await;
    }
    let poller = process.spawn(&source);
    // A wait of more than an hour is not believed.
    process.pass(75 * HOUR, HOUR / 2).await;
    assert_eq!(status(&deliveries, job).await, Unknown);
    assert_eq!(counts(&poller)[3], 1);
    let last = *source.waits(start).await.last().unwrap();
    assert!((72 * 3600..=74 * 3600).contains(&last), "{last}");
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let (process, job) = one_message().await;
    let source = Scripted::new(process.queue.clock());
    let first = process.spawn(&source);
    process.pass(60 * SECOND, 10 * SECOND).await;
    first.shutdown(SECOND).await.unwrap();
    assert_eq!(source.count().await, 2);
    // Nobody runs for five hours; the steps of that time are not made up for.
    process.queue.advance(5 * HOUR);
    source.then(Ok(Delivered)).await;
    let again = Process::beside(process.queue.clone());
    let _second = again.spawn(&source);
    again.clock.idle().await;
    assert_eq!(status(&again.deliveries, job).await, Delivered);
    assert_eq!(source.count().await, 3);
}

#[tokio::test]
async fn a_question_that_a_crash_cut_off_is_asked_again_by_another() {
    let (process, job) = one_message().await;
    let dies = Scripted::hanging(process.queue.clock());
    let dying = process.spawn(&dies);
    process.clock.idle().await;
    process.queue.advance(10 * SECOND);
    eventually("the question", || async { dies.count().await == 1 }).await;
    // Within its claim nobody else asks.
    let other = Process::beside(process.queue.clone());
    let source = Scripted::new(process.queue.clock());
    source.then(Ok(Delivered)).await;
    let _other = other.spawn(&source);
    other.pass(60 * SECOND, 10 * SECOND).await;
    assert_eq!(source.count().await, 0);
    dying.shutdown(Duration::ZERO).await.unwrap();
    other.pass(70 * SECOND, 10 * SECOND).await;
    assert_eq!(source.count().await, 1);
    assert_eq!(status(&other.deliveries, job).await, Delivered);
}

#[tokio::test]
async fn pollers_share_the_work() {
    let one = Process::new().await;
    for n in 0..100 {
        one.accept(&n.to_string()).await;
    }
    let source = Scripted::new(one.queue.clock());
    for _ in 0..300 {
        source.then(Ok(Delivered)).await;
    }
    let others = [1, 2].map(|_| Process::beside(one.queue.clone()));
    let pollers = [&one, &others[0], &others[1]].map(|process| process.spawn(&source));
    one.queue.advance(10 * SECOND);
    eventually("all answers", || async {
        pollers.iter().map(|one| counts(one)[2]).sum::<u64>() >= 100
    })
    .await;
    let asked = source.asked.lock().await.clone();
    let mut ids: Vec<&str> = asked.iter().map(|(id, _)| id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 100);
    assert_eq!(asked.len(), 100, "no message was asked about twice");
}

#[tokio::test]
async fn it_has_no_more_questions_in_flight_than_it_may() {
    let process = Process::new().await;
    for n in 0..20 {
        process.accept(&n.to_string()).await;
    }
    let hangs = Scripted::hanging(process.queue.clock());
    let poller = DeliveryPoller::builder(process.deliveries.clone(), hangs.clone())
        .in_flight(3)
        .spawn();
    process.clock.idle().await;
    process.queue.advance(10 * SECOND);
    eventually("three questions", || async { hangs.count().await == 3 }).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(hangs.count().await, 3);
    // A shutdown does not wait for them longer than it is told to.
    let stopping = tokio::spawn(poller.shutdown(SECOND));
    process.clock.idle().await;
    process.queue.advance(SECOND);
    assert_eq!(stopping.await.unwrap().unwrap().answered, 0);
}

#[tokio::test]
async fn a_store_that_is_closed_ends_it() {
    let (process, _) = one_message().await;
    let source = Scripted::new(process.queue.clock());
    let mut poller = process.spawn(&source);
    process.clock.idle().await;
    process.queue.backend().close().await.unwrap();
    process.queue.advance(10 * SECOND);
    let error = poller.finished().await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Closed);
    assert!(poller.is_finished());
}

#[cfg(all(feature = "salum", any(feature = "tls-aws-lc", feature = "tls-ring")))]
#[tokio::test]
async fn salum_is_asked_over_http() {
    use queue::Worker;
    use queue::delivery::{DeliveryFailure, SALUM, Tracked};
    use queue::testing::gateway::Gateway;

    let words = [
        (Duration::ZERO, "SentToNetwork"),
        (2 * SECOND, "SenderName Blacklisted"),
    ];
    let gateway = Gateway::builder().delivery(words).start().await.unwrap();
    let queue = queue::Queue::<SmsJob>::open("memory:").await.unwrap();
    let schedule = PollSchedule::new([1, 2, 3].map(Duration::from_secs), HOUR);
    let deliveries = Deliveries::of(&queue).poll(SALUM, schedule).build();
    let mut events = deliveries.subscribe();
    let salum = gateway.salum_options().build().unwrap();
    let poller = DeliveryPoller::builder(deliveries.clone(), salum.clone()).spawn();
    let job = super::support::welcome(&queue).await;
    let tracked = Tracked::new(salum, deliveries.clone());
    Worker::new(queue, tracked).run_until_empty().await.unwrap();

    let statuses = super::support::told(&mut events, 3).await;
    assert_eq!(statuses, [Accepted, Sent, Failed]);
    let known = super::support::only(&deliveries, job).await;
    assert_eq!(known.failure, Some(DeliveryFailure::Blocked));
    assert_eq!(known.code.as_deref(), Some("SenderName Blacklisted"));
    assert!(known.suppress);
    let done = poller.shutdown(SECOND).await.unwrap();
    assert_eq!((done.failed, done.settled), (0, 1));
}

#[cfg(all(feature = "twilio", any(feature = "tls-aws-lc", feature = "tls-ring")))]
#[tokio::test]
async fn twilio_is_asked_over_http() {
    use queue::Worker;
    use queue::delivery::{DeliveryFailure, TWILIO, Tracked};
    use queue::testing::gateway::{Gateway, TwilioPersonality};

    let gateway = Gateway::builder()
        .personality(TwilioPersonality::default())
        .delivery([(Duration::from_millis(500), "undelivered:30006")])
        .start()
        .await
        .unwrap();
    let queue = queue::Queue::<SmsJob>::open("memory:").await.unwrap();
    let schedule = PollSchedule::new([SECOND], HOUR);
    let deliveries = Deliveries::of(&queue).poll(TWILIO, schedule).build();
    let mut events = deliveries.subscribe();
    let twilio = gateway.twilio_options().unwrap().build().unwrap();
    let poller = DeliveryPoller::builder(deliveries.clone(), twilio.clone()).spawn();
    let job = super::support::welcome(&queue).await;
    let tracked = Tracked::new(twilio, deliveries.clone());
    Worker::new(queue, tracked).run_until_empty().await.unwrap();
    let statuses = super::support::told(&mut events, 2).await;
    assert_eq!(statuses, [Accepted, Failed]);
    let known = super::support::only(&deliveries, job).await;
    assert_eq!(known.failure, Some(DeliveryFailure::Number));
    poller.shutdown(SECOND).await.unwrap();
}
