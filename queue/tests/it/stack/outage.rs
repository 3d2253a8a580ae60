//! A worker behind a stack while its provider says 429, is dead for ten minutes, and comes back. Time is moved.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use queue::backend::ListFilter;
use queue::clock::{Clock, ManualClock};
use queue::provider::stack::{Guarded, ProviderStack};
use queue::provider::{MockAnswer, SendContext};
use queue::sms::SmsMessage;
use queue::worker::WorkerHandle;
use queue::{
    NotificationSms, OtpSms, Queue, SmsJob, State, Worker, create_notification_sms_job,
    create_otp_sms_job,
};

use super::support::*;

/// When the provider was called, on the machine's monotonic clock.
type Calls = Arc<Mutex<Vec<u64>>>;

async fn queue(clock: &ManualClock) -> Queue<SmsJob> {
    let builder = Queue::builder().url("memory:").clock(clock.clone());
    builder.open().await.unwrap()
}

async fn campaign(queue: &Queue<SmsJob>, count: usize) {
    for _ in 0..count {
        let recipient = "0712345678".parse().unwrap();
        let message = "Karibu".to_owned();
        create_notification_sms_job(queue, NotificationSms { recipient, message })
            .await
            .unwrap();
    }
}

async fn code(queue: &Queue<SmsJob>) {
    let otp = OtpSms {
        recipient: "0712345678".parse().unwrap(),
        code: "482913".parse().unwrap(),
        expiry_minutes: 10,
    };
    create_otp_sms_job(queue, otp).await.unwrap();
}

fn worker(queue: &Queue<SmsJob>, stack: &ProviderStack<SmsMessage>) -> WorkerHandle {
    Worker::new(queue.clone(), stack.clone())
        .concurrency(32)
        .unlimited()
        .spawn()
}

/// Moves the clock, and lets the worker and its store do what is due.
async fn pass(clock: &ManualClock, time: Duration) {
    clock.advance(time);
    tokio::time::sleep(Duration::from_millis(2)).await;
}

/// Moves the clock until `count` jobs are completed; fails after `most`.
async fn completed(queue: &Queue<SmsJob>, clock: &ManualClock, count: u64, most: Duration) {
    let end = clock.uptime() + u64::try_from(most.as_millis()).unwrap();
    while queue.stats().await.unwrap().completed < count {
        assert!(clock.uptime() < end, "{:?}", queue.stats().await.unwrap());
        pass(clock, SECOND / 4).await;
    }
}

/// The most calls in any window of a second.
fn peak(calls: &[u64]) -> usize {
    let from = |start: u64| {
        let window = start..start + 1_000;
        calls.iter().filter(|at| window.contains(at)).count()
    };
    calls.iter().map(|&start| from(start)).max().unwrap_or(0)
}

/// How many attempts the jobs had beyond their first.
async fn attempts_burned(queue: &Queue<SmsJob>) -> u64 {
    let mut filter = ListFilter::new("sms");
    let mut burned = 0;
    loop {
        let page = queue.list(filter.clone()).await.unwrap();
        for job in page.jobs {
            assert_eq!(job.state, State::Completed);
            burned += u64::from(job.attempt.saturating_sub(1));
        }
        filter.after = match page.next {
            Some(next) => Some(next),
            None => return burned,
        };
    }
}

#[tokio::test]
async fn in_a_storm_of_429_nobody_calls_in_a_forbidden_window_and_no_attempt_is_charged() {
    let clock = ManualClock::default();
    let queue = queue(&clock).await;
    campaign(&queue, 200).await;
    // It refuses every seventh call for a while of its own, and counts who comes earlier.
    let (calls, early) = (Calls::default(), Calls::default());
    let (seen, too_early) = (calls.clone(), early.clone());
    let (watch, forbidden) = (clock.clone(), Mutex::new((0_u64, 0_u64)));
    let mock = SmsMock::with_rule(move |_: &SmsMessage, _: &SendContext| {
        let now = watch.uptime();
        let mut forbidden = forbidden.lock().unwrap();
        let (count, until) = &mut *forbidden;
        if now < *until {
            too_early.lock().unwrap().push(now);
        }
        seen.lock().unwrap().push(now);
        *count += 1;
        if *count % 7 != 0 {
            return MockAnswer::accept();
        }
        let seconds = 1 + *count % 5;
        *until = now + 1_000 * seconds;
        MockAnswer::throttled(Duration::from_secs(seconds))
    });
    let stack = ProviderStack::builder()
        .guarded(queue_rate(mock.clone()))
        .clock(clock.clone())
        .build();
    let worker = worker(&queue, &stack);
    completed(&queue, &clock, 200, 400 * SECOND).await;
    mock.assert_sent_count(200);
    assert!(early.lock().unwrap().is_empty(), "{early:?}");
    assert_eq!(attempts_burned(&queue).await, 0);
    assert!(peak(&calls.lock().unwrap()) <= 12);
    drop(worker);
}

fn queue_rate(mock: SmsMock) -> Guarded<SmsMessage> {
    Guarded::new(mock).rate(10, SECOND)
}

#[tokio::test]
async fn in_a_storm_of_503_everything_arrives_once_and_no_faster_than_the_rate() {
    let clock = ManualClock::default();
    let queue = queue(&clock).await;
    campaign(&queue, 150).await;
    // For two minutes two of three calls are refused, but for last attempts: the storm is not to kill jobs by chance.
    let calls = Calls::default();
    let (seen, watch, until) = (calls.clone(), clock.clone(), clock.uptime() + 120_000);
    let mock = SmsMock::with_rule(move |_: &SmsMessage, context: &SendContext| {
        let now = watch.uptime();
        let mut seen = seen.lock().unwrap();
        seen.push(now);
        match now < until && context.attempt < 3 && seen.len() % 3 > 0 {
            true => MockAnswer::transient(),
            false => MockAnswer::accept(),
        }
    });
    let stack = ProviderStack::builder()
        .guarded(queue_rate(mock.clone()))
        .clock(clock.clone())
        .build();
    let worker = worker(&queue, &stack);
    completed(&queue, &clock, 150, 600 * SECOND).await;
    mock.assert_sent_count(150);
    let burned = attempts_burned(&queue).await;
    let calls = calls.lock().unwrap();
    assert!(peak(&calls) <= 12, "{}", peak(&calls));
    // Each failed call charged its own job an attempt, and no other one.
    assert_eq!(burned, calls.len() as u64 - 150);
    drop(worker);
}

#[tokio::test]
async fn after_ten_dead_minutes_everything_arrives_and_no_faster_than_the_rate() {
    let clock = ManualClock::default();
    let queue = queue(&clock).await;
    campaign(&queue, 300).await;
    let calls = Calls::default();
    let (seen, watch) = (calls.clone(), clock.clone());
    let (dead_from, dead_until) = (clock.uptime() + 5_000, clock.uptime() + 605_000);
    let mock = SmsMock::with_rule(move |_: &SmsMessage, _: &SendContext| {
        let now = watch.uptime();
        seen.lock().unwrap().push(now);
        match (dead_from..dead_until).contains(&now) {
            true => MockAnswer::transient(),
            false => MockAnswer::accept(),
        }
    });
    let stack = ProviderStack::builder()
        .guarded(queue_rate(mock.clone()))
        .clock(clock.clone())
        .build();
    let worker = worker(&queue, &stack);
    while clock.uptime() < dead_until {
        pass(&clock, SECOND / 2).await;
    }
    let sent_before = mock.sent_count();
    let in_outage = |at: &&u64| (dead_from..dead_until).contains(*at);
    let failures = calls.lock().unwrap().iter().filter(in_outage).count();
    // Five to open it (or those of the same moment), then a probe a minute.
    assert!((5..=25).contains(&failures), "{failures}");
    completed(&queue, &clock, 300, 300 * SECOND).await;
    mock.assert_sent_count(300);
    assert!(sent_before < 100, "{sent_before}");
    assert_eq!(attempts_burned(&queue).await, failures as u64);
    let calls = calls.lock().unwrap();
    assert!(peak(&calls) <= 12, "{}", peak(&calls));
    drop(worker);
}

#[tokio::test]
async fn codes_of_ten_dead_minutes_arrive_through_the_second_within_a_second() {
    let clock = ManualClock::default();
    let queue = queue(&clock).await;
    let dead = SmsMock::always(MockAnswer::transient()).named("dead");
    let second = SmsMock::new().named("second");
    let stack = ProviderStack::builder()
        .guarded(queue_rate(dead.clone()))
        .guarded(queue_rate(second.clone()))
        .clock(clock.clone())
        .build();
    let worker = worker(&queue, &stack);
    // Five codes meet the dead one before its breaker opens.
    for _ in 0..5 {
        code(&queue).await;
    }
    second.wait_for(5).await;
    campaign(&queue, 50).await;
    for n in 0..60 {
        let sent = second.sent_count();
        code(&queue).await;
        // Real time: none was moved, so it did not wait for anything.
        let arrived = tokio::time::timeout(10 * SECOND, second.wait_for(sent + 1));
        arrived.await.unwrap_or_else(|_| panic!("code {n} waits"));
        pass(&clock, 10 * SECOND).await;
    }
    // Nothing of the campaign went through the second one but what had probed the first, once a minute.
    let probes = second.sent_count() - 65;
    assert!(probes <= 10, "{probes}");
    assert!(dead.call_count() <= 5 + 15, "{}", dead.call_count());
    dead.set_always(MockAnswer::accept());
    completed(&queue, &clock, 115, 400 * SECOND).await;
    assert_eq!(dead.sent_count(), 50 - probes);
    drop(worker);
}

#[tokio::test]
async fn a_code_passes_a_campaign_that_waits_for_its_tenant_or_its_recipient() {
    for behind_tenant in [true, false] {
        let clock = ManualClock::default();
        let queue = queue(&clock).await;
        let jobs = (0..3_000).map(|_| {
            let recipient = "0733000000".parse().unwrap();
            let message = "Karibu".to_owned();
            create_notification_sms_job(&queue, NotificationSms { recipient, message })
                .tenant("campaign")
        });
        for stored in queue.enqueue_many(jobs).await {
            stored.unwrap();
        }
        let mock = SmsMock::new();
        let worker = Worker::new(queue.clone(), ProviderStack::new(mock.clone()))
            .concurrency(8)
            .unlimited();
        let limit = 5;
        let worker = match behind_tenant {
            true => worker.tenant_limit(limit, 60 * SECOND),
            false => worker.recipient_limit(limit, 60 * SECOND),
        };
        let worker = worker.spawn();
        mock.wait_for(limit as usize).await;
        // No time is moved: none of them waits for anything.
        for n in 1..=20 {
            code(&queue).await;
            let arrived = mock.wait_for(limit as usize + n);
            let arrived = tokio::time::timeout(10 * SECOND, arrived).await;
            arrived.unwrap_or_else(|_| panic!("code {n} waits"));
            // Or its own recipient would be over the limit.
            if !behind_tenant && n as u32 == limit {
                break;
            }
        }
        let stats = queue.stats().await.unwrap();
        assert_eq!(stats.dead + stats.unknown, 0);
        drop(worker);
    }
}
