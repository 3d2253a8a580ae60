//! The policy `ask`: before a job in doubt is sent again, the provider is asked.

use std::time::Duration;

use queue::backend::{Doubt, LeaseRequest, Requeued};
use queue::clock::Clock;
use queue::notification::render_notification_sms;
use queue::provider::{Answer, Mock, MockAnswer, ProviderError, Receipt};
use queue::testing::TestQueue;
use queue::{Job, JobId, NotificationSms, SmsMessage, State};

#[derive(Job, Clone)]
#[job(queue = "asking", message = SmsMessage)]
enum AskingJob {
    #[job(unknown = "ask")]
    Asked(NotificationSms),
    #[job(render = render_notification_sms)]
    Retried(NotificationSms),
    #[job(render = render_notification_sms, unknown = "stop")]
    Stopped(NotificationSms),
}

fn note() -> NotificationSms {
    NotificationSms {
        recipient: "0712345678".parse().unwrap(),
        message: "Habari".into(),
    }
}

async fn put(queue: &TestQueue<AskingJob>) -> JobId {
    create_asked_asking_job(queue, note()).await.unwrap().job_id
}

/// State, attempts charged, calls of `send`, inquiries.
async fn seen(
    queue: &TestQueue<AskingJob>,
    id: JobId,
    mock: &Mock<SmsMessage>,
) -> (State, u16, usize, usize) {
    let view = queue.job(id).await.unwrap().unwrap();
    let asked = mock.inquiries().len();
    (view.state, view.attempt, mock.call_count(), asked)
}

#[tokio::test]
async fn what_was_never_sent_is_sent_again() {
    let queue = TestQueue::<AskingJob>::new().await;
    let id = put(&queue).await;
    let began = queue.clock().now();
    let mock = Mock::new().then(MockAnswer::unknown());
    queue.run_due(&mock).await;
    assert_eq!(seen(&queue, id, &mock).await, (State::Retrying, 1, 1, 0));
    let doubt = queue.job(id).await.unwrap().unwrap().doubt;
    let first = Some(Doubt {
        attempt: 1,
        started_at: began,
    });
    assert_eq!(doubt, first);
    queue.drain(&mock).await;
    assert_eq!(seen(&queue, id, &mock).await, (State::Completed, 2, 2, 1));
    let asked = &mock.inquiries()[0];
    assert_eq!((asked.job, asked.attempt, asked.sent_at), (id, 1, began));
    assert_eq!(asked.answer, Ok(Answer::NotSent));
    // Question and send share the time of the attempt.
    let timeouts: Vec<_> = mock
        .calls()
        .iter()
        .map(|call| call.context.timeout)
        .collect();
    assert_eq!(timeouts, [Duration::from_secs(10), Duration::from_secs(5)]);
}

#[tokio::test]
async fn what_was_accepted_is_completed_with_its_receipt_and_not_sent_again() {
    let queue = TestQueue::<AskingJob>::new().await;
    let id = put(&queue).await;
    let receipt = Receipt::new("mock").message_id("m-7").segments(2);
    let mock = Mock::new()
        .then(MockAnswer::unknown())
        .then_inquiry(Ok(Answer::Accepted(receipt.clone())));
    queue.drain(&mock).await;
    assert_eq!(seen(&queue, id, &mock).await, (State::Completed, 2, 1, 1));
    let view = queue.job(id).await.unwrap().unwrap();
    assert_eq!(view.receipt, Some(receipt));
}

#[tokio::test]
async fn what_nobody_can_tell_is_kept_for_a_person_whose_decision_counts() {
    for answer in [
        Ok(Answer::CannotTell),
        Err(ProviderError::rejected("no such question")),
    ] {
        let queue = TestQueue::<AskingJob>::new().await;
        let id = put(&queue).await;
        let mock = Mock::new().then(MockAnswer::unknown()).then_inquiry(answer);
        queue.drain(&mock).await;
        assert_eq!(seen(&queue, id, &mock).await, (State::Unknown, 2, 1, 1));
        assert_eq!(queue.requeue(id).await.unwrap(), Requeued::Requeued);
        queue.drain(&mock).await;
        assert_eq!(seen(&queue, id, &mock).await, (State::Completed, 1, 2, 1));
    }
}

#[tokio::test]
async fn a_question_that_fails_is_asked_again_and_sends_nothing() {
    let queue = TestQueue::<AskingJob>::new().await;
    let id = put(&queue).await;
    let busy = ProviderError::throttled(Duration::from_secs(3), "too many questions");
    let ours = ProviderError::misconfigured("no key");
    let mock = Mock::new()
        .then(MockAnswer::unknown())
        .then_inquiry(Err(busy))
        .then_inquiry(Err(ours))
        .then_inquiry(Err(ProviderError::transient("down")));
    queue.drain(&mock).await;
    // The two that were put off charged nothing.
    assert_eq!(seen(&queue, id, &mock).await, (State::Completed, 3, 2, 4));
}

#[tokio::test]
async fn a_job_in_doubt_that_uses_up_its_attempts_is_unknown_and_not_dead() {
    let queue = TestQueue::<AskingJob>::new().await;
    let id = put(&queue).await;
    let mock = Mock::new()
        .then(MockAnswer::unknown())
        .then_inquiry(Err(ProviderError::unknown("cut off")))
        .then_inquiry(Err(ProviderError::transient("down")));
    queue.drain(&mock).await;
    assert_eq!(seen(&queue, id, &mock).await, (State::Unknown, 3, 1, 2));
    // The same when each send is in doubt anew.
    let id = put(&queue).await;
    let mock = Mock::always(MockAnswer::unknown());
    queue.drain(&mock).await;
    assert_eq!(seen(&queue, id, &mock).await, (State::Unknown, 3, 3, 2));
    assert!(mock.inquiries().iter().all(|asked| asked.attempt == 1));
}

#[tokio::test]
async fn a_job_whose_worker_died_is_asked_about() {
    let queue = TestQueue::<AskingJob>::new().await;
    let id = put(&queue).await;
    let visibility = Duration::from_secs(30);
    let request = LeaseRequest {
        queue: AskingJob::QUEUE,
        kinds: AskingJob::KINDS,
        max: 1,
        max_by_priority: [1; 4],
        visibility,
        wait: Duration::ZERO,
        rate_limit: None,
        limits: Vec::new(),
    };
    let began = queue.clock().now();
    assert_eq!(queue.backend().lease(request).await.unwrap().len(), 1);
    queue.advance(visibility);
    let mock = Mock::new();
    queue.drain(&mock).await;
    assert_eq!(seen(&queue, id, &mock).await, (State::Completed, 2, 1, 1));
    let asked = &mock.inquiries()[0];
    assert_eq!((asked.attempt, asked.sent_at), (1, began));
}

#[tokio::test]
async fn the_other_policies_never_ask() {
    let queue = TestQueue::<AskingJob>::new().await;
    let retried = create_retried_asking_job(&queue, note()).await.unwrap();
    let mock = Mock::new().then(MockAnswer::unknown());
    queue.drain(&mock).await;
    let id = retried.job_id;
    assert_eq!(seen(&queue, id, &mock).await, (State::Completed, 2, 2, 0));
    let stopped = create_stopped_asking_job(&queue, note()).await.unwrap();
    let mock = Mock::new().then(MockAnswer::unknown());
    queue.drain(&mock).await;
    let id = stopped.job_id;
    assert_eq!(seen(&queue, id, &mock).await, (State::Unknown, 1, 1, 0));
}
