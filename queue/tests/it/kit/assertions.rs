//! What the assertions accept, and what they say when they do not.

use queue::testing::{TestQueue, assert_enqueued, refute_enqueued};
use queue::{Job, SmsJob, create_otp_sms_job, create_welcome_sms_job};

use super::{otp, welcome};

/// Two welcome jobs and a one-time code.
async fn three_jobs() -> TestQueue<SmsJob> {
    let queue = TestQueue::new().await;
    for user_name in ["Wanjiru", "Otieno"] {
        create_welcome_sms_job(&queue, welcome(user_name))
            .await
            .unwrap();
    }
    create_otp_sms_job(&queue, otp(10)).await.unwrap();
    queue
}

#[tokio::test]
async fn jobs_are_found_by_pattern_guard_and_count() {
    let queue = three_jobs().await;
    assert_enqueued!(queue, SmsJob::Otp(_));
    assert_enqueued!(queue, SmsJob::Otp(otp) if otp.expiry_minutes == 10);
    assert_enqueued!(queue, SmsJob::Welcome(_), count = 2);
    assert_enqueued!(queue, SmsJob::Welcome(job) if job.user_name == "Otieno", count = 1);
    assert_enqueued!(queue, SmsJob::Welcome(_) | SmsJob::Otp(_), count = 3,);
    refute_enqueued!(queue, SmsJob::Notification(_));
    refute_enqueued!(queue, SmsJob::Otp(otp) if otp.expiry_minutes > 10,);
    // By reference too, as a helper of the test would.
    let borrowed = &queue;
    assert_enqueued!(borrowed, SmsJob::Otp(_));
}

#[tokio::test]
async fn what_was_enqueued_is_given_in_order() {
    let queue = three_jobs().await;
    let jobs = queue.enqueued();
    let kinds: Vec<_> = jobs
        .iter()
        .map(|recorded| recorded.job.kind().name)
        .collect();
    assert_eq!(kinds, ["welcome", "welcome", "otp"]);
    let view = queue.job(jobs[2].id).await.unwrap().unwrap();
    assert_eq!(view.kind.as_str(), "otp");
    let shown = format!("{jobs:?} {queue:?}");
    assert!(
        !shown.contains("482913") && !shown.contains("Wanjiru"),
        "{shown}"
    );
}

#[tokio::test]
async fn duplicates_and_refused_jobs_are_not_recorded() {
    let queue = TestQueue::<SmsJob>::new().await;
    for _ in 0..2 {
        let job = create_welcome_sms_job(&queue, welcome("Wanjiru"));
        job.job_id("one").await.unwrap();
    }
    create_welcome_sms_job(&queue, welcome("Otieno"))
        .max_attempts(0)
        .await
        .unwrap_err();
    assert_enqueued!(queue, _, count = 1);
}

#[tokio::test]
async fn bulk_enqueues_are_recorded() {
    let queue = TestQueue::<SmsJob>::new().await;
    let jobs = ["a", "b", "c"].map(|name| create_welcome_sms_job(&queue, welcome(name)));
    assert!(queue.enqueue_many(jobs).await.iter().all(Result::is_ok));
    assert_enqueued!(queue, SmsJob::Welcome(_), count = 3);
}

#[tokio::test]
#[should_panic(
    expected = "no job that matches `SmsJob::Notification(_)` was enqueued; there were 1 otp, 2 welcome"
)]
async fn a_missing_job_is_reported_with_what_there_was() {
    assert_enqueued!(three_jobs().await, SmsJob::Notification(_));
}

#[tokio::test]
#[should_panic(
    expected = "no job that matches `SmsJob::Otp(otp) if otp.expiry_minutes == 5` was enqueued; there were 1 otp"
)]
async fn a_guard_that_nothing_meets_is_reported() {
    assert_enqueued!(three_jobs().await, SmsJob::Otp(otp) if otp.expiry_minutes == 5);
}

#[tokio::test]
#[should_panic(
    expected = "3 jobs that match `SmsJob::Welcome(_)` should have been enqueued, not 2; there were 1 otp, 2 welcome"
)]
async fn a_wrong_count_is_reported() {
    assert_enqueued!(three_jobs().await, SmsJob::Welcome(_), count = 3);
}

#[tokio::test]
#[should_panic(
    expected = "no job that matches `SmsJob::Otp(_)` should have been enqueued, but 1 was; there were 1 otp, 2 welcome"
)]
async fn a_job_that_should_not_be_there_is_reported() {
    refute_enqueued!(three_jobs().await, SmsJob::Otp(_));
}

#[tokio::test]
#[should_panic(expected = "no job that matches `_` was enqueued; nothing was")]
async fn an_empty_queue_is_reported() {
    assert_enqueued!(TestQueue::<SmsJob>::new().await, _);
}
