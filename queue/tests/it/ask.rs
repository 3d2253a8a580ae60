//! The policy `ask`: before a job in doubt is sent again, the provider is asked.

use std::time::Duration;

use queue::backend::{Doubt, LeaseRequest, Requeued};
use queue::clock::Clock;
use queue::notification::render_notification_sms;
use queue::provider::{Answer, Mock, MockAnswer, ProviderError, ProviderErrorKind, Receipt};
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
        last_attempt: 1,
        ended_at: began,
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
    let early = ProviderErrorKind::Transient {
        after: Some(Duration::from_secs(40)),
    };
    let mock = Mock::new()
        .then(MockAnswer::unknown())
        .then_inquiry(Err(busy))
        .then_inquiry(Err(ours))
        .then_inquiry(Err(ProviderError::new(early, "too early to tell")))
        .then_inquiry(Err(ProviderError::transient("down")));
    queue.drain(&mock).await;
    // The three that were put off charged nothing.
    assert_eq!(seen(&queue, id, &mock).await, (State::Completed, 3, 2, 5));
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

/// Each attempt may have sent something: the question is about all of them, until the last was over.
#[tokio::test]
async fn all_attempts_in_doubt_are_asked_about() {
    let queue = TestQueue::<AskingJob>::new().await;
    let id = put(&queue).await;
    let began = queue.clock().now();
    let mock = Mock::always(MockAnswer::unknown());
    queue.run_due(&mock).await;
    queue.advance(Duration::from_secs(60));
    let over = queue.clock().now();
    queue.run_due(&mock).await;
    queue.advance(Duration::from_secs(60));
    queue.run_due(&mock).await;
    let asked = mock.inquiries();
    let spans: Vec<_> = (asked.iter())
        .map(|asked| (asked.attempt, asked.sent_at))
        .zip(
            asked
                .iter()
                .map(|asked| (asked.last_attempt, asked.sent_until)),
        )
        .collect();
    assert_eq!(
        spans,
        [((1, began), (1, began)), ((1, began), (2, over))],
        "{id}"
    );
}

/// The first attempt is minutes old, the second may have been accepted a moment ago and is not listed yet: whoever counted
/// from the first would send a third.
#[cfg(feature = "twilio")]
#[tokio::test]
async fn a_message_that_may_be_listed_yet_is_not_sent_again() {
    use queue::testing::gateway::{Fault, Gateway, TwilioPersonality};
    let mut personality = TwilioPersonality::default();
    personality.lists_nothing = true;
    let gateway = Gateway::builder().personality(personality);
    let gateway = gateway.start().await.unwrap();
    let queue = TestQueue::<AskingJob>::new().await;
    let options = gateway.twilio_options().unwrap();
    let twilio = options.clock(queue.clock().clone()).build().unwrap();
    // The first send is lost. Two questions are answered, the second of them with *not sent*. The second send arrives, and
    // its answer is lost.
    gateway.next(1, Fault::cut());
    gateway.next(2, Fault::slow(Duration::ZERO));
    gateway.next(1, Fault::cut().after_accepting());
    let id = put(&queue).await;
    let soon = Duration::from_secs(10);
    let later = Duration::from_secs(120);
    for (wait, state, attempt, sends) in [
        (Duration::ZERO, State::Retrying, 1, 1),
        (soon, State::Snoozed, 1, 1),
        (later, State::Retrying, 2, 2),
        (soon, State::Snoozed, 2, 2),
    ] {
        queue.advance(wait);
        queue.run_due(&twilio).await;
        let job = queue.job(id).await.unwrap().unwrap();
        let requests = gateway.requests();
        let creates = (requests.iter()).filter(|request| request.endpoint == "create");
        let seen = (job.state, job.attempt, creates.count());
        assert_eq!(seen, (state, attempt, sends), "{:?}", job.reason);
    }
    assert_eq!(gateway.accepted_count(), 1);
}

/// Through real HTTP: the answer to the send is lost, or the send itself.
#[cfg(feature = "twilio")]
#[tokio::test]
async fn a_lost_answer_of_twilios_sends_nothing_twice_and_a_lost_message_is_sent() {
    use queue::testing::gateway::{Fault, Gateway, TwilioPersonality};
    for (fault, sends) in [
        (Fault::cut().after_accepting(), 1),
        (Fault::truncated(), 1),
        (Fault::status(502).after_accepting(), 1),
        (Fault::cut(), 2),
        (Fault::status(500), 2),
    ] {
        let gateway = Gateway::builder().personality(TwilioPersonality::default());
        let gateway = gateway.start().await.unwrap();
        let queue = TestQueue::<AskingJob>::new().await;
        let options = gateway.twilio_options().unwrap();
        let twilio = options.clock(queue.clock().clone()).build().unwrap();
        let name = format!("{fault:?}");
        gateway.next(1, fault);
        let id = put(&queue).await;
        queue.drain(&twilio).await;
        let job = queue.job(id).await.unwrap().unwrap();
        assert_eq!((job.state, job.attempt), (State::Completed, 2), "{name}");
        let creates = gateway.requests();
        let creates = creates
            .iter()
            .filter(|request| request.endpoint == "create");
        assert_eq!(creates.count(), sends, "{name}");
        let accepted = gateway.accepted();
        assert_eq!(accepted.len(), 1, "{name}");
        let receipt = job.receipt.unwrap();
        assert_eq!(receipt.message_id, accepted[0].message_id, "{name}");
    }
}
