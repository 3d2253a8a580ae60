//! What does a cluster of three survive?
//!
//! Starts three NATS servers with routes between them and keeps a queue on all of them. Under load the server that leads the
//! queue is killed; producers and workers go on by themselves with the other two. In the end every job that was
//! acknowledged was sent.
//!
//! Needs a `nats-server` on `PATH` or in `NATS_SERVER`, or else Python with pip to fetch one into the target folder.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use queue::backend::{JetStreamBackend, JetStreamOptions};
use queue::testing::nats_server::NatsServer;
use queue::worker::{JobContext, Outcome, handler_fn};
use queue::{NotificationSms, Queue, SmsJob, Worker, create_notification_sms_job};

const PRODUCERS: usize = 4;
const JOBS_EACH: usize = 250;
const JOBS: usize = PRODUCERS * JOBS_EACH;
const CONCURRENCY: usize = 8;
const LEASE: Duration = Duration::from_secs(3);

/// How long a job may take from the kill until it is acknowledged or sent, before the example gives up.
const PATIENCE: Duration = Duration::from_secs(60);

type Error = Box<dyn std::error::Error + Send + Sync>;

/// How often each job was sent.
type Sent = Arc<Mutex<HashMap<String, usize>>>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let cluster = NatsServer::builder().start_cluster(3).await?;
    println!("three servers: {}", cluster.url());
    let backend = open(&cluster.url()).await?;
    let mut health = backend.health();
    let queue = Queue::<SmsJob>::builder().over(Arc::new(backend));
    tokio::spawn(async move {
        while let Some(health) = health.changed().await {
            for problem in &health.problems {
                println!("health: {problem}");
            }
        }
    });

    let sent = Sent::default();
    let mut workers = Vec::new();
    for _ in 0..2 {
        let queue = Queue::builder().over(Arc::new(open(&cluster.url()).await?));
        workers.push(start_worker(&queue, &sent));
    }
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| tokio::spawn(produce(queue.clone(), producer, acknowledged.clone())))
        .collect();

    let count = || acknowledged.lock().map_or(0, |list| list.len());
    while count() < JOBS / 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let leader = cluster
        .leader_of("SMS")
        .await
        .ok_or("the stream has a leader")?;
    let (before, killed_at) = (count(), Instant::now());
    leader.kill()?;
    println!(
        "{} led the queue and is killed after {before} acknowledged jobs",
        leader.name()
    );
    while count() == before && killed_at.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!(
        "the next job is acknowledged {:.1} s later",
        killed_at.elapsed().as_secs_f64()
    );
    for producer in producers {
        producer.await??;
    }

    let distinct = || sent.lock().map_or(0, |sent| sent.len());
    while distinct() < JOBS && killed_at.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for worker in workers {
        worker.shutdown(Duration::from_secs(5)).await?;
    }
    let lost = {
        let sent = sent.lock().map_err(|_| "no worker panicked")?;
        let acknowledged = acknowledged.lock().map_err(|_| "no producer panicked")?;
        let lost = acknowledged
            .iter()
            .filter(|key| !sent.contains_key(*key))
            .count();
        let extra: usize = sent.values().map(|times| times - 1).sum();
        println!(
            "{} acknowledged, {} sent, {lost} lost, {extra} sent again",
            acknowledged.len(),
            sent.len()
        );
        lost
    };
    queue.close().await?;
    match lost {
        0 => Ok(()),
        _ => Err("acknowledged jobs were lost".into()),
    }
}

async fn open(url: &str) -> Result<JetStreamBackend, Error> {
    let options = JetStreamOptions::at(url).replicas(3).ack_wait(LEASE);
    let backend = JetStreamBackend::open(options).await?;
    backend.prepare("sms").await?;
    Ok(backend)
}

fn start_worker(queue: &Queue<SmsJob>, sent: &Sent) -> queue::WorkerHandle {
    let sent = sent.clone();
    let handler = handler_fn(move |_: SmsJob, context: JobContext| {
        let sent = sent.clone();
        async move {
            let key = context.idempotency_key.map(|key| key.to_string());
            if let (Some(key), Ok(mut sent)) = (key, sent.lock()) {
                *sent.entry(key).or_default() += 1;
            }
            Outcome::Completed(None)
        }
    });
    Worker::with_handler(queue.clone(), handler)
        .concurrency(CONCURRENCY)
        .visibility(LEASE)
        .unlimited()
        .spawn()
}

/// Enqueues its part. A call that fails while there is no leader is made again, with the same key.
async fn produce(
    queue: Queue<SmsJob>,
    producer: usize,
    acknowledged: Arc<Mutex<Vec<String>>>,
) -> Result<(), Error> {
    for number in 0..JOBS_EACH {
        let key = format!("{producer}:{number}");
        let until = Instant::now() + PATIENCE;
        loop {
            let message = NotificationSms {
                recipient: "0712 345 678".parse()?,
                message: format!("message {key}"),
            };
            match create_notification_sms_job(&queue, message)
                .job_id(&key)
                .await
            {
                Ok(_) => break,
                Err(error) if error.is_retryable() && Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        if let Ok(mut acknowledged) = acknowledged.lock() {
            acknowledged.push(key);
        }
    }
    Ok(())
}
