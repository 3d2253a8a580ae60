//! What happens when the same job is enqueued twice?
//!
//! A caller that was cut off can't know whether its job was stored, so it asks again with the same idempotency key. One
//! job is stored, and the second caller is told which.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use queue::clock::ManualClock;
use queue::job::IdempotencyKey;
use queue::provider::Mock;
use queue::sms::{PhoneNumber, SmsMessage};
use queue::{EnqueueReceipt, Queue, SmsJob, WelcomeSms, Worker, create_welcome_sms_job};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let clock = ManualClock::default();
    let queue = Queue::<SmsJob>::builder()
        .url("memory:")
        .clock(clock.clone())
        .open()
        .await?;

    let first = welcome(&queue, "user:42").await?;
    let again = welcome(&queue, "user:42").await?;
    println!("first:                duplicate {}", first.is_duplicate);
    println!(
        "again:                duplicate {}, the same job {}",
        again.is_duplicate,
        again.job_id == first.job_id
    );
    let other = welcome(&queue, "user:43").await?;
    println!("another key:          duplicate {}", other.is_duplicate);

    // A job that ended without being sent frees its key.
    let cancelled = queue.cancel(other.job_id).await?;
    let retry = welcome(&queue, "user:43").await?;
    println!("once it is {cancelled:?}: duplicate {}", retry.is_duplicate);

    // A completed job holds its key for the deduplication window, 24 hours unless told otherwise.
    let inbox = Mock::<SmsMessage>::new();
    let worker = Worker::new(queue.clone(), inbox.clone()).unlimited();
    worker.run_until_empty().await?;
    println!("sent:                 {} messages", inbox.sent_count());
    let late = welcome(&queue, "user:42").await?;
    println!("after it was sent:    duplicate {}", late.is_duplicate);
    clock.advance(Duration::from_secs(25 * 60 * 60));
    let later = welcome(&queue, "user:42").await?;
    println!("a day later:          duplicate {}", later.is_duplicate);

    // Whoever knows the key finds the job.
    let found = queue.find(IdempotencyKey::new("user:42")?).await?;
    if let Some(job) = found {
        println!("user:42 is {} now", job.state);
    }
    Ok(())
}

async fn welcome(queue: &Queue<SmsJob>, key: &str) -> Result<EnqueueReceipt> {
    let recipient: PhoneNumber = "0712 345 678".parse()?;
    let user_name = "Wanjiru".to_owned();
    let welcome = WelcomeSms {
        recipient,
        user_name,
    };
    Ok(create_welcome_sms_job(queue, welcome).job_id(key).await?)
}
