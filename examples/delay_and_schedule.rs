//! How is a job sent later, and how does one test that without waiting?
//!
//! The clock is an argument. Here it is moved by hand, so a day passes at once; a program leaves it out.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use queue::clock::{Clock, ManualClock};
use queue::provider::Mock;
use queue::sms::{OtpCode, PhoneNumber, SmsMessage};
use queue::{
    NotificationSms, OtpSms, Queue, SmsJob, Worker, create_notification_sms_job, create_otp_sms_job,
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock = ManualClock::default();
    let queue = Queue::<SmsJob>::builder()
        .url("memory:")
        .clock(clock.clone())
        .open()
        .await?;
    let recipient: PhoneNumber = "0712 345 678".parse()?;
    let say = |message: &str| NotificationSms {
        recipient,
        message: message.to_owned(),
    };

    create_notification_sms_job(&queue, say("now")).await?;
    create_notification_sms_job(&queue, say("in ten minutes"))
        .delay(10 * MINUTE)
        .await?;
    let tomorrow = clock.now().saturating_add(24 * HOUR);
    create_notification_sms_job(&queue, say("tomorrow"))
        .schedule_at(tomorrow)
        .await?;
    // A deadline is a promise: this one is not sent when nobody gets to it in an hour.
    create_notification_sms_job(&queue, say("within the hour, or never"))
        .delay(11 * MINUTE)
        .expires_in(HOUR)
        .await?;
    // A job that could never be sent is refused at once.
    let code = OtpCode::new("493817")?;
    let expiry_minutes = 5;
    let otp = OtpSms {
        recipient,
        code,
        expiry_minutes,
    };
    if let Err(error) = create_otp_sms_job(&queue, otp).delay(10 * MINUTE).await {
        println!("refused: {error}");
    }

    work(&queue, "at once").await?;
    clock.advance(10 * MINUTE);
    work(&queue, "10 minutes later").await?;
    // The workers are down for a day.
    clock.advance(24 * HOUR);
    work(&queue, "a day later").await?;
    Ok(())
}

/// Runs what is due, and says what that was.
async fn work(queue: &Queue<SmsJob>, when: &str) -> Result<(), Box<dyn std::error::Error>> {
    let inbox = Mock::<SmsMessage>::new();
    Worker::new(queue.clone(), inbox.clone())
        .unlimited()
        .run_until_empty()
        .await?;
    let sent = inbox.sent();
    let texts: Vec<&str> = sent.iter().map(|message| message.text.as_str()).collect();
    let stats = queue.stats().await?;
    println!(
        "{when}: sent {texts:?}; {} scheduled, {} expired",
        stats.scheduled, stats.expired
    );
    Ok(())
}
