//! How do workers on several machines share a queue, and what happens when one of them dies?
//!
//! Starts a NATS server, then itself twice more as worker processes, and enqueues. In the middle one worker is killed as a
//! crash would; the other takes over what it had begun. The counts are printed as they grow.
//!
//! Needs a `nats-server` on `PATH` or in `NATS_SERVER`, or else Python with pip to fetch one into the target folder.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::HashMap;
use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use queue::backend::{JetStreamBackend, JetStreamOptions};
use queue::testing::nats_server::NatsServer;
use queue::worker::{JobContext, Outcome, handler_fn};
use queue::{NotificationSms, Queue, SmsJob, Worker, create_notification_sms_job};

const JOBS: usize = 600;

/// How many jobs a worker runs at once, so also how many a crash can leave in doubt.
const CONCURRENCY: usize = 8;

/// How long a job stays with a worker that says nothing. Short, so that the example ends soon.
const LEASE: Duration = Duration::from_secs(2);

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    match env::args().nth(1) {
        None => lead().await,
        Some(url) => work(&url).await,
    }
}

async fn open(url: &str) -> Result<Queue<SmsJob>> {
    let options = JetStreamOptions::at(url).ack_wait(LEASE);
    let backend = JetStreamBackend::open(options).await?;
    Ok(Queue::builder().over(Arc::new(backend)))
}

/// A worker process: prints the key of each job that it sends, and ends when its input ends.
async fn work(url: &str) -> Result<()> {
    let queue = open(url).await?;
    let handler = handler_fn(|_: SmsJob, context: JobContext| async move {
        // What a gateway takes for a message.
        tokio::time::sleep(Duration::from_millis(10)).await;
        if let Some(key) = context.idempotency_key {
            println!("{key}");
        }
        Outcome::Completed(None)
    });
    let worker = Worker::with_handler(queue.clone(), handler)
        .concurrency(CONCURRENCY)
        .visibility(LEASE)
        .unlimited()
        .spawn();
    let parent = tokio::task::spawn_blocking(|| std::io::stdin().lines().count());
    parent.await?;
    worker.shutdown(Duration::from_secs(5)).await?;
    queue.close().await?;
    Ok(())
}

/// The process that enqueues, watches, and kills.
async fn lead() -> Result<()> {
    let server = NatsServer::start().await?;
    let url = server.url();
    println!("server on {url}");
    let queue = open(&url).await?;
    let (sender, sent) = channel();
    let mut workers = Vec::new();
    for name in ["a", "b"] {
        workers.push(start_worker(name, &url, sender.clone())?);
    }
    drop(sender);

    let producer = tokio::spawn(async move {
        for number in 1..=JOBS {
            let message = NotificationSms {
                recipient: "0712 345 678".parse()?,
                message: format!("message {number}"),
            };
            create_notification_sms_job(&queue, message)
                .job_id(format!("message:{number}"))
                .await?;
        }
        queue.close().await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    });
    let counts = tokio::task::spawn_blocking(move || watch(&sent, workers)).await?;
    producer.await?.map_err(|error| error.to_string())?;

    let extra: usize = counts.by_key.values().map(|times| times - 1).sum();
    println!(
        "{JOBS} acknowledged, {} sent, {extra} sent again (at most {CONCURRENCY} were in flight)",
        counts.by_key.len()
    );
    if counts.by_key.len() != JOBS || extra > CONCURRENCY {
        return Err("jobs were lost, or more than those in flight were sent again".into());
    }
    Ok(())
}

#[derive(Default)]
struct Counts {
    by_key: HashMap<String, usize>,
    by_worker: HashMap<&'static str, usize>,
}

/// Counts what the workers say, and kills the first of them when half is done.
fn watch(sent: &Receiver<(&'static str, String)>, mut workers: Vec<Child>) -> Counts {
    let mut counts = Counts::default();
    let mut shown = Instant::now();
    let mut killed = false;
    while counts.by_key.len() < JOBS {
        let Ok((name, key)) = sent.recv_timeout(LEASE * 10) else {
            break;
        };
        *counts.by_key.entry(key).or_default() += 1;
        *counts.by_worker.entry(name).or_default() += 1;
        let done = counts.by_key.len();
        if shown.elapsed() > Duration::from_millis(500) || done == JOBS {
            shown = Instant::now();
            let of = |name| counts.by_worker.get(name).copied().unwrap_or(0);
            println!("sent {done:>4}   a {:>4}   b {:>4}", of("a"), of("b"));
        }
        if done >= JOBS / 2 && !killed {
            killed = true;
            let is_killed = workers[0].kill().is_ok();
            println!("sent {done:>4}   worker a is killed: {is_killed}");
        }
    }
    for worker in &mut workers {
        // The end of its input is the sign to stop.
        drop(worker.stdin.take());
        let _ = worker.wait();
    }
    counts
}

fn start_worker(
    name: &'static str,
    url: &str,
    sent: Sender<(&'static str, String)>,
) -> Result<Child> {
    let mut child = Command::new(env::current_exe()?)
        .arg(url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("a worker has an output")?;
    std::thread::spawn(move || {
        for line in BufReader::new(output)
            .lines()
            .map_while(std::result::Result::ok)
        {
            if sent.send((name, line)).is_err() {
                return;
            }
        }
    });
    Ok(child)
}
