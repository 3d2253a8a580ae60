//! What arrives while the first provider is down, and through whom?
//!
//! One-time codes go through the second provider at once. A campaign waits for the first: it is not worth the second one's
//! price, and no attempt is charged for the wait. The first one is left alone by its circuit breaker, and tried carefully.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::{Duration, Instant};

use queue::provider::stack::{
    BreakerEvent, BreakerOptions, BreakerSnapshot, Guarded, ProviderStack,
};
use queue::provider::{Mock, MockAnswer};
use queue::sms::SmsMessage;
use queue::{
    NotificationSms, OtpSms, Queue, SmsJob, Worker, create_notification_sms_job, create_otp_sms_job,
};

/// How long the breaker stays open here. In production it is a minute.
const OPEN: Duration = Duration::from_secs(3);

type Failure = Box<dyn std::error::Error>;

async fn code(queue: &Queue<SmsJob>) -> Result<(), Failure> {
    let (recipient, code) = ("0712 345 678".parse()?, "482913".parse()?);
    let expiry_minutes = 10;
    create_otp_sms_job(
        queue,
        OtpSms {
            recipient,
            code,
            expiry_minutes,
        },
    )
    .await?;
    Ok(())
}

async fn campaign(queue: &Queue<SmsJob>, count: usize) -> Result<(), Failure> {
    for _ in 0..count {
        let (recipient, message) = ("0733 345 678".parse()?, "Half price on Friday".into());
        create_notification_sms_job(queue, NotificationSms { recipient, message }).await?;
    }
    Ok(())
}

/// Enqueues a code and waits until somebody accepted it: how long that took.
async fn time_code(queue: &Queue<SmsJob>, through: &Mock<SmsMessage>) -> Result<Duration, Failure> {
    let sent = through.sent_count();
    let began = Instant::now();
    code(queue).await?;
    through.wait_for(sent + 1).await;
    Ok(began.elapsed())
}

fn tell(event: &BreakerEvent) {
    let cause = event.cause.map(|cause| format!(": {}", cause.as_str()));
    println!(
        "  breaker of {}: {} -> {}{}",
        event.breaker.provider,
        event.from.as_str(),
        event.to().as_str(),
        cause.unwrap_or_default()
    );
}

fn show(breakers: &[BreakerSnapshot]) {
    for breaker in breakers {
        println!(
            "  {:<9} {:<9} {} of {} failures{}",
            breaker.provider,
            breaker.state.as_str(),
            breaker.failures,
            breaker.failures_threshold,
            if breaker.next_try.is_some() {
                ", next try later"
            } else {
                ""
            }
        );
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let primary = Mock::<SmsMessage>::new().named("primary");
    let secondary = Mock::<SmsMessage>::new().named("secondary");
    let stack = ProviderStack::builder()
        .guarded(Guarded::new(primary.clone()).breaker(BreakerOptions::new().open(OPEN)))
        .provider(secondary.clone())
        .on_breaker(tell)
        .build();
    let queue = Queue::<SmsJob>::open("memory:").await?;
    let worker = Worker::new(queue.clone(), stack.clone())
        .unlimited()
        .spawn();

    println!("both are up");
    time_code(&queue, &primary).await?;
    campaign(&queue, 3).await?;
    primary.wait_for(4).await;
    println!("  primary sent 1 code and 3 of a campaign");

    println!("the primary dies");
    primary.set_always(MockAnswer::transient());
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        slowest = slowest.max(time_code(&queue, &secondary).await?);
    }
    let in_time = slowest < Duration::from_secs(1);
    println!("  10 codes through the secondary, each within a second: {in_time}");
    println!("  the primary was asked {} times", primary.call_count() - 4);
    campaign(&queue, 20).await?;
    time_code(&queue, &secondary).await?;
    // The last code may not be recorded yet.
    while queue.stats().await?.pending() > 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    show(&stack.breakers());
    let waits = queue.stats().await?.pending() == 20 && primary.sent_count() == 4;
    println!("  20 of a campaign wait, and none was sent: {waits}");

    println!("the primary is back");
    primary.set_always(MockAnswer::accept());
    primary.wait_for(24).await;
    while queue.stats().await?.pending() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    show(&stack.breakers());
    println!(
        "  primary sent {} in all, secondary {}",
        primary.sent_count(),
        secondary.sent_count()
    );
    worker.shutdown(Duration::from_secs(1)).await?;
    Ok(())
}
