//! How does a message go out through a gateway that the library does not know?
//!
//! A provider has a name and one function. What matters is to say which of five things went wrong: the worker decides by
//! that, and nothing else, whether a job is dead, waits, or is tried again.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use queue::backend::ListFilter;
use queue::provider::{Provider, ProviderError, Receipt, SendContext};
use queue::retry::Backoff;
use queue::sms::SmsMessage;
use queue::{BoxFuture, Job, NotificationSms, Queue, SmsJob, Worker, create_notification_sms_job};

/// A modem in the server room, which answers `+CMGS: 7` or `+CMS ERROR: 42`.
struct Modem {
    calls: AtomicU32,
}

impl Modem {
    /// Stands for the wire.
    fn transmit(&self, number: &str, _text: &str) -> Result<u32, u16> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match number {
            "+254712000002" => Err(1),
            // The third call meets a busy network.
            _ if call == 3 => Err(42),
            _ => Ok(call),
        }
    }
}

impl Provider<SmsMessage> for Modem {
    fn name(&self) -> &str {
        "modem"
    }

    fn send<'a>(
        &'a self,
        message: &'a SmsMessage,
        context: &'a SendContext,
    ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
        Box::pin(async move {
            let number = message.recipient.as_e164();
            let answer = self.transmit(number, message.text.as_str());
            let attempt = context.attempt;
            println!("to {}, attempt {attempt}: {answer:?}", message.recipient);
            match answer {
                Ok(reference) => Ok(Receipt::new("modem")
                    .message_id(reference.to_string())
                    .segments(message.text.segments())),
                // Never works, whoever tries.
                Err(code @ 1) => Err(ProviderError::rejected("unassigned number").code(code)),
                // Surely not sent.
                Err(code @ 42) => Err(ProviderError::transient("network congestion").code(code)),
                // It may have been sent: the kind's policy decides.
                Err(code) => Err(ProviderError::unknown("undocumented answer").code(code)),
            }
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let queue = Queue::<SmsJob>::open("memory:").await?;
    for (number, message) in [
        ("0712 000 001", "Karibu"),
        ("0712 000 002", "Nobody has this number"),
        ("0712 000 003", "Asante"),
    ] {
        let recipient = number.parse()?;
        let message = message.to_owned();
        create_notification_sms_job(&queue, NotificationSms { recipient, message }).await?;
    }

    let modem = Modem {
        calls: AtomicU32::new(0),
    };
    // One at a time, as a modem is.
    let worker = Worker::new(queue.clone(), modem)
        .concurrency(1)
        .backoff(Backoff {
            base: Duration::from_millis(20),
            ..Backoff::default()
        })
        .spawn();
    while queue.stats().await?.pending() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    worker.shutdown(Duration::from_secs(1)).await?;

    for job in queue.list(ListFilter::new(SmsJob::QUEUE)).await?.jobs {
        let id = job.receipt.and_then(|receipt| receipt.message_id);
        let why = job
            .reason
            .or(id.map(|id| format!("modem's reference {id}")));
        println!("{}: {}", job.state, why.unwrap_or_default());
    }
    Ok(())
}
