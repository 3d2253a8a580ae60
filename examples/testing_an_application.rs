//! How does an application test what it enqueues, and what becomes of that?
//!
//! A `TestQueue` is in memory, with the engine that production runs; it remembers what was enqueued, and its time stands
//! still until the test moves it. The provider is a mock with an inbox. Each function below would be a `#[tokio::test]` of
//! its own.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use queue::provider::{Mock, MockAnswer};
use queue::sms::{OtpCode, PhoneNumber, SmsMessage};
use queue::testing::{TestQueue, assert_enqueued};
use queue::{
    EnqueueError, OtpSms, Queue, SmsJob, WelcomeSms, create_otp_sms_job, create_welcome_sms_job,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The application: what a handler of its does.
async fn signup(
    queue: &Queue<SmsJob>,
    user: &str,
    phone: PhoneNumber,
) -> std::result::Result<(), EnqueueError> {
    let welcome = WelcomeSms {
        recipient: phone,
        user_name: user.to_owned(),
    };
    create_welcome_sms_job(queue, welcome)
        .job_id(format!("welcome:{user}"))
        .await?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    a_signup_is_welcomed_once().await?;
    a_gateway_that_fails_is_tried_again().await?;
    a_code_is_not_sent_when_it_is_too_late().await?;
    Ok(())
}

async fn a_signup_is_welcomed_once() -> Result<()> {
    let queue = TestQueue::<SmsJob>::new().await;
    let phone: PhoneNumber = "0712 345 678".parse()?;
    signup(&queue, "wanjiru", phone).await?;
    signup(&queue, "wanjiru", phone).await?;
    assert_enqueued!(queue, SmsJob::Welcome(welcome) if welcome.user_name == "wanjiru");
    assert_eq!(queue.enqueued().len(), 1);

    let inbox = Mock::<SmsMessage>::new();
    queue.run_due(&inbox).await;
    let message = inbox.assert_sent_to(&phone);
    assert!(message.text.as_str().starts_with("Hello wanjiru"));
    println!("ok: a signup is welcomed once");
    Ok(())
}

async fn a_gateway_that_fails_is_tried_again() -> Result<()> {
    let queue = TestQueue::<SmsJob>::new().await;
    signup(&queue, "otieno", "0712 345 679".parse()?).await?;

    // Fails once, then accepts.
    let gateway = Mock::<SmsMessage>::new().then(MockAnswer::transient());
    let first = queue.run_due(&gateway).await;
    assert_eq!((first.retried, first.completed), (1, 0));
    queue.advance(Duration::from_secs(3));
    let second = queue.run_due(&gateway).await;
    assert_eq!((second.retried, second.completed), (0, 1));
    assert_eq!(gateway.call_count(), 2);
    println!("ok: a gateway that fails is tried again");
    Ok(())
}

async fn a_code_is_not_sent_when_it_is_too_late() -> Result<()> {
    let queue = TestQueue::<SmsJob>::new().await;
    let otp = OtpSms {
        recipient: "0712 345 680".parse()?,
        code: OtpCode::new("493817")?,
        expiry_minutes: 5,
    };
    create_otp_sms_job(&queue, otp).await?;

    queue.advance(Duration::from_secs(5 * 60));
    let inbox = Mock::<SmsMessage>::new();
    queue.run_due(&inbox).await;
    inbox.assert_sent_count(0);
    assert_eq!(queue.stats().await?.expired, 1);
    println!("ok: a code is not sent when it is too late");
    Ok(())
}
