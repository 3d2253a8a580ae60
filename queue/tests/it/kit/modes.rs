//! Manual, drain and inline.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use queue::provider::{Mock, MockAnswer};
use queue::testing::{TestQueue, assert_enqueued};
use queue::worker::{Outcome, handler_fn};
use queue::{
    Priority, Queue, SmsJob, State, create_notification_sms_job, create_otp_sms_job,
    create_welcome_sms_job,
};

use super::{notification, otp, welcome};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_manual_queue_runs_nothing_by_itself() {
    let queue = TestQueue::<SmsJob>::new().await;
    let receipt = create_welcome_sms_job(&queue, welcome("Wanjiru"))
        .await
        .unwrap();
    queue.advance(HOUR);
    let view = queue.job(receipt.job_id).await.unwrap().unwrap();
    assert_eq!((view.state, view.attempt), (State::Ready, 0));
}

#[tokio::test]
async fn run_due_runs_what_is_due_in_order_of_priority_and_leaves_the_rest() {
    let queue = TestQueue::<SmsJob>::new().await;
    let later = create_welcome_sms_job(&queue, welcome("later")).delay(HOUR);
    later.await.unwrap();
    let low = create_notification_sms_job(&queue, notification("low"));
    low.await.unwrap();
    let critical = create_notification_sms_job(&queue, notification("critical"));
    critical.priority(Priority::Critical).await.unwrap();
    let mock = Mock::new();
    assert_eq!(queue.run_due(&mock).await.completed, 2);
    let texts: Vec<_> = mock.sent().into_iter().map(|sms| sms.text).collect();
    assert_eq!(texts[0].as_str(), "critical");
    assert_eq!(texts[1].as_str(), "low");
    queue.advance(HOUR);
    assert_eq!(queue.run_due(&mock).await.completed, 1);
    assert_eq!(queue.report().completed, 3);
}

#[tokio::test]
async fn drain_moves_the_clock_through_delays_and_retries() {
    let queue = TestQueue::<SmsJob>::new().await;
    for hours in [2, 1, 3] {
        let job = create_notification_sms_job(&queue, notification(&format!("{hours}")));
        job.delay(HOUR * hours).await.unwrap();
    }
    let mock = Mock::new()
        .then(MockAnswer::transient())
        .then(MockAnswer::throttled(Duration::from_secs(90)));
    let began = queue::clock::Clock::now(queue.clock());
    let report = queue.drain(&mock).await;
    assert_eq!(
        (report.completed, report.retried, report.snoozed),
        (3, 1, 1)
    );
    let texts: Vec<_> = mock.sent().into_iter().map(|sms| sms.text).collect();
    let texts: Vec<_> = texts.iter().map(|text| text.as_str()).collect();
    assert_eq!(texts, ["1", "2", "3"]);
    let took = queue::clock::Clock::now(queue.clock()).since(began);
    assert!(took >= HOUR * 3 && took < HOUR * 4, "{took:?}");
}

#[tokio::test]
async fn drain_ends_with_the_dead_and_the_expired() {
    let queue = TestQueue::<SmsJob>::new().await;
    create_welcome_sms_job(&queue, welcome("Wanjiru"))
        .await
        .unwrap();
    let report = queue.drain(&Mock::always(MockAnswer::transient())).await;
    assert_eq!((report.retried, report.dead), (2, 1));

    create_otp_sms_job(&queue, otp(1)).await.unwrap();
    let mock = Mock::always(MockAnswer::throttled(HOUR));
    let report = queue.drain(&mock).await;
    assert_eq!(report.completed, 0);
    assert_eq!(queue.stats().await.unwrap().expired, 1);
}

#[tokio::test]
async fn a_paused_queue_is_not_drained() {
    let queue = TestQueue::<SmsJob>::new().await;
    create_welcome_sms_job(&queue, welcome("Wanjiru"))
        .delay(HOUR)
        .await
        .unwrap();
    queue.pause().await.unwrap();
    assert_eq!(queue.drain(&Mock::new()).await.total(), 0);
    queue.resume().await.unwrap();
    assert_eq!(queue.drain(&Mock::new()).await.completed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_test_may_pause_tokios_clock_too() {
    let queue = TestQueue::<SmsJob>::new().await;
    create_welcome_sms_job(&queue, welcome("Wanjiru"))
        .await
        .unwrap();
    let mock = Mock::always(MockAnswer::accept().after(Duration::from_secs(5)));
    assert_eq!(queue.drain(&mock).await.completed, 1);
}

#[tokio::test]
#[should_panic(expected = "jobs are put off again and again")]
async fn a_job_that_is_put_off_for_ever_is_reported() {
    let queue = TestQueue::<SmsJob>::new().await;
    create_welcome_sms_job(&queue, welcome("Wanjiru"))
        .await
        .unwrap();
    queue
        .drain(&Mock::always(MockAnswer::throttled(Duration::from_secs(1))))
        .await;
}

#[tokio::test]
async fn an_inline_queue_runs_each_job_while_it_is_enqueued() {
    let mock = Mock::new().then(MockAnswer::rejected());
    let queue = TestQueue::<SmsJob>::inline(mock.clone()).await;
    let dead = create_welcome_sms_job(&queue, welcome("Wanjiru"))
        .await
        .unwrap();
    let view = queue.job(dead.job_id).await.unwrap().unwrap();
    assert_eq!(view.state, State::Dead);
    let sent = create_otp_sms_job(&queue, otp(10)).await.unwrap();
    let view = queue.job(sent.job_id).await.unwrap().unwrap();
    assert_eq!((view.state, view.attempt), (State::Completed, 1));
    let report = queue.report();
    assert_eq!((report.dead, report.completed), (1, 1));
    assert_enqueued!(queue, _, count = 2);
}

#[tokio::test]
async fn an_inline_queue_leaves_what_is_due_later() {
    let mock = Mock::new().then(MockAnswer::transient());
    let queue = TestQueue::<SmsJob>::inline(mock.clone()).await;
    create_welcome_sms_job(&queue, welcome("again"))
        .await
        .unwrap();
    create_welcome_sms_job(&queue, welcome("later"))
        .delay(HOUR)
        .await
        .unwrap();
    assert_eq!((queue.report().retried, mock.sent_count()), (1, 0));
    assert_eq!(queue.drain(&mock).await.completed, 2);
}

#[tokio::test]
async fn what_an_inline_handler_enqueues_runs_after_it() {
    let follow: Arc<OnceLock<Queue<SmsJob>>> = Arc::default();
    let link = follow.clone();
    let handler = handler_fn(move |job: SmsJob, _| {
        let queue = link.get().expect("set below").clone();
        async move {
            if let SmsJob::Welcome(_) = job {
                create_otp_sms_job(&queue, otp(10)).await.unwrap();
            }
            Outcome::Completed(None)
        }
    });
    let queue = TestQueue::<SmsJob>::inline_with(handler).await;
    follow.set(Queue::clone(&queue)).unwrap();
    create_welcome_sms_job(&queue, welcome("Wanjiru"))
        .await
        .unwrap();
    assert_eq!(queue.report().completed, 2);
    assert_enqueued!(queue, SmsJob::Otp(_), count = 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inline_queue_is_shared_by_tasks() {
    let queue = TestQueue::<SmsJob>::inline(Mock::new()).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let queue = Queue::clone(&queue);
        tasks.spawn(async move {
            let receipt = create_welcome_sms_job(&queue, welcome("Wanjiru"))
                .await
                .unwrap();
            let view = queue.job(receipt.job_id).await.unwrap().unwrap();
            assert_eq!(view.state, State::Completed);
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    assert_eq!(queue.report().completed, 8);
}
