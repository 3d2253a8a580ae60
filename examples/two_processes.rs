//! How does one process enqueue what another one sends?
//!
//! Both open the same folder; there is no server between them. This program starts itself a second time as the producer.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::env;
use std::process::Command;
use std::time::Duration;

use queue::provider::Mock;
use queue::sms::SmsMessage;
use queue::{NotificationSms, Queue, SmsJob, Worker, create_notification_sms_job};

const MESSAGES: usize = 5;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match env::args().nth(1) {
        None => work().await,
        Some(url) => produce(&url).await,
    }
}

/// The process that sends.
async fn work() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let url = format!("file:{}", folder.path().display());
    let queue = Queue::<SmsJob>::open(&url).await?;
    let inbox = Mock::<SmsMessage>::new();
    // One at a time, so that what is printed is in order.
    let worker = Worker::new(queue.clone(), inbox.clone())
        .concurrency(1)
        .unlimited()
        .spawn();
    println!("worker: waiting");

    let mut producer = Command::new(env::current_exe()?).arg(&url).spawn()?;
    let seconds = Duration::from_secs(30);
    tokio::time::timeout(seconds, inbox.wait_for(MESSAGES)).await?;
    // Its last words come before ours.
    let is_success = producer.wait()?.success();
    println!("worker: the producer has ended well: {is_success}");
    for message in inbox.sent() {
        println!("worker: sent {:?}", message.text.as_str());
    }

    let report = worker.shutdown(Duration::from_secs(5)).await?;
    println!("worker: {} completed", report.run.completed);
    queue.close().await?;
    Ok(())
}

/// The process that enqueues.
async fn produce(url: &str) -> Result<()> {
    let queue = Queue::<SmsJob>::open(url).await?;
    for number in 1..=MESSAGES {
        let message = NotificationSms {
            recipient: "0712 345 678".parse()?,
            message: format!("message {number}"),
        };
        let receipt = create_notification_sms_job(&queue, message)
            .job_id(format!("message:{number}"))
            .await?;
        // From here on it is safe, whatever happens to this process.
        println!("producer: stored {number}, new {}", !receipt.is_duplicate);
    }
    queue.close().await?;
    Ok(())
}
