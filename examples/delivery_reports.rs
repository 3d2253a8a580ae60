//! Did it arrive? How does a program learn what became of a message after its provider took it?
//!
//! Both ways at once, over real HTTP on this machine: one gateway calls back, the other one is asked. What comes is tied to
//! jobs in the queue's own store, printed as it moves, and can be looked up by job.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use queue::delivery::push::{PushToken, TokenPush};
use queue::delivery::{Deliveries, DeliveryPoller, DeliveryStream, PollSchedule, SALUM, Tracked};
use queue::testing::gateway::{Gateway, ReportPush};
use queue::{JobId, NotificationSms, Queue, SmsJob, Worker, create_notification_sms_job};
use tokio::net::TcpListener;

/// What the account's callback address ends in. Make yours with `openssl rand -hex 32`, and keep it with the other secrets.
const TOKEN: &str = "3f1c0a7be29d4c55a1d86e0f9b7c2d14";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    println!("pushed:");
    pushed().await?;
    println!("asked for:");
    asked_for().await
}

/// The gateway calls back. This one is as bad as real ones: its reports come before the answer to the send, and twice.
async fn pushed() -> Result<(), Box<dyn Error>> {
    let queue = Queue::<SmsJob>::open("memory:").await?;
    let deliveries = Deliveries::of(&queue).build();
    let reports = TokenPush::salum(deliveries.clone(), PushToken::new(TOKEN)?);
    let address = serve(Router::new().nest("/reports/salum", reports.into_router())).await?;

    let mut push = ReportPush::new(address, format!("/reports/salum/{TOKEN}"));
    push.early = true;
    push.duplicate = true;
    let gateway = Gateway::builder().push(push).start().await?;
    let provider = Tracked::new(gateway.salum_options().build()?, deliveries.clone());

    let mut events = deliveries.subscribe();
    let job = enqueue(&queue, "your order is on its way").await?;
    Worker::new(queue.clone(), provider)
        .run_until_empty()
        .await?;
    follow(&mut events, &BTreeMap::from([(job, "order")])).await?;
    look_up(&deliveries, job, "order").await?;
    queue.close().await?;
    Ok(())
}

/// The gateway is asked: here after one and three seconds; by default after 10 s, 1 min, 5 min, 30 min, 2 h, 6 h and 24 h.
async fn asked_for() -> Result<(), Box<dyn Error>> {
    let queue = Queue::<SmsJob>::open("memory:").await?;
    let schedule = PollSchedule::new([1, 3].map(Duration::from_secs), Duration::from_secs(6));
    let deliveries = Deliveries::of(&queue).poll(SALUM, schedule).build();

    let words = [
        (Duration::ZERO, "SentToNetwork"),
        (Duration::from_secs(2), "AbsentSubscriber"),
    ];
    let gateway = Gateway::builder().delivery(words).start().await?;
    let salum = gateway.salum_options().build()?;
    let poller = DeliveryPoller::builder(deliveries.clone(), salum.clone()).spawn();

    let mut events = deliveries.subscribe();
    let job = enqueue(&queue, "we could not reach you").await?;
    let provider = Tracked::new(salum, deliveries.clone());
    Worker::new(queue.clone(), provider)
        .run_until_empty()
        .await?;
    follow(&mut events, &BTreeMap::from([(job, "reminder")])).await?;
    look_up(&deliveries, job, "reminder").await?;

    let asked = poller.shutdown(Duration::from_secs(1)).await?;
    println!("  {} questions answered", asked.answered);
    queue.close().await?;
    Ok(())
}

async fn enqueue(queue: &Queue<SmsJob>, text: &str) -> Result<JobId, Box<dyn Error>> {
    let message = NotificationSms {
        recipient: "0712 345 678".parse()?,
        message: text.to_owned(),
    };
    Ok(create_notification_sms_job(queue, message).await?.job_id)
}

/// Prints what happens to the messages of `jobs`, until all are at their end.
async fn follow(
    events: &mut DeliveryStream,
    jobs: &BTreeMap<JobId, &str>,
) -> Result<(), Box<dyn Error>> {
    let mut open = jobs.len();
    while open > 0
        && let Some(event) = events.next().await
    {
        let event = event?;
        let name = jobs.get(&event.message.job).unwrap_or(&"another");
        match event.previous {
            Some(previous) => println!("  {name}: {previous} -> {}", event.message.status),
            None => println!("  {name}: {}", event.message.status),
        }
        open -= usize::from(event.message.status.is_final());
    }
    Ok(())
}

async fn look_up(deliveries: &Deliveries, job: JobId, name: &str) -> Result<(), Box<dyn Error>> {
    let known = deliveries.job(job).await?.ok_or("nothing was sent")?;
    for message in &known.messages {
        println!(
            "  look-up of {name}: attempt {} is {}{}",
            message.attempt,
            message.status,
            match &message.code {
                Some(code) => format!(", the gateway says {code}"),
                None => String::new(),
            }
        );
    }
    Ok(())
}

/// A server on any free port, as the host's own would be.
async fn serve(router: Router) -> Result<SocketAddr, Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
