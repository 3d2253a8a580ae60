//! How does a program stop without losing a job, or sending one twice?
//!
//! The worker takes no more jobs, what runs may finish in a grace period, and the rest stays in the queue for the next
//! worker, with no attempt charged. A program calls `shutdown` when it gets its signal; the library handles none.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;
use std::time::Duration;

use queue::worker::{Outcome, handler_fn};
use queue::{NotificationSms, Queue, SmsJob, Worker, create_notification_sms_job};
use tokio::sync::Semaphore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let queue = Queue::<SmsJob>::open("memory:").await?;
    for number in 1..=6 {
        let message = NotificationSms {
            recipient: "0712 345 678".parse()?,
            message: format!("message {number}"),
        };
        create_notification_sms_job(&queue, message).await?;
    }

    // A handler that takes as long as it is told to.
    let started = Arc::new(Semaphore::new(0));
    let finish = Arc::new(Semaphore::new(0));
    let handler = handler_fn({
        let (started, finish) = (started.clone(), finish.clone());
        move |_: SmsJob, _| {
            let (started, finish) = (started.clone(), finish.clone());
            async move {
                started.add_permits(1);
                match finish.acquire().await {
                    Ok(permit) => permit.forget(),
                    Err(_) => return Outcome::Expired,
                }
                Outcome::Completed(None)
            }
        }
    });
    let worker = Worker::with_handler(queue.clone(), handler.clone())
        .concurrency(2)
        .spawn();
    started.acquire_many(2).await?.forget();
    report(&queue, "two run").await?;

    // The signal comes. What runs ends a little later.
    let grace = Duration::from_secs(5);
    let (stopped, ()) = tokio::join!(worker.shutdown(grace), async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        finish.add_permits(2);
    });
    let stopped = stopped?;
    println!(
        "{} completed, {} cut off",
        stopped.run.completed, stopped.cut_off
    );
    report(&queue, "stopped").await?;

    // The next start of the program.
    finish.add_permits(4);
    let worker = Worker::with_handler(queue.clone(), handler);
    let run = worker.run_until_empty().await?;
    println!("the next worker completed {}", run.completed);
    report(&queue, "the end").await?;
    queue.close().await?;
    Ok(())
}

async fn report(queue: &Queue<SmsJob>, when: &str) -> Result<(), Box<dyn std::error::Error>> {
    let stats = queue.stats().await?;
    println!(
        "{when}: {} ready, {} running, {} completed",
        stats.ready, stats.running, stats.completed
    );
    Ok(())
}
