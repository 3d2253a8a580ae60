//! How fast is `nats://`? Beside raw async-nats on the same server in the same run: enqueue, drain, idle latency; then worker
//! processes, the lateness of delayed jobs, and a deep backlog.
//!
//! `cargo bench -p queue-benches --bench nats`. One part of it: `QUEUE_BENCH_PART`, which is `enqueue`, `drain`, `idle`,
//! `processes` or `lateness`. Scaled by `QUEUE_BENCH_BACKLOG` (jobs of the deep backlog, default 20000; 1000000 takes five minutes),
//! `QUEUE_BENCH_SCHEDULES` (default 10000) and `QUEUE_BENCH_SYNC=always`.
#![expect(clippy::print_stdout, reason = "a benchmark's report")]

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use queue::Priority;
use queue::backend::{
    Backend, Disposition, JetStreamBackend, JetStreamOptions, LeaseRequest, Settlement,
};
use queue::clock::{Clock, SystemClock};
use queue::job::{Envelope, Idempotency, IdempotencyKey, Kind, KindInfo, UnknownPolicy};
use queue::testing::nats_server::NatsServer;
use queue_benches::raw_nats::{RawNats, Records};
use queue_benches::report::{Round, heading, line, median, percentiles, round};

const QUEUE: &str = "bench";
const KINDS: &[KindInfo] = &[KindInfo {
    name: "ping",
    version: 1,
    priority: Priority::Normal,
    max_attempts: 3,
    unknown: UnknownPolicy::Retry,
    secret: false,
}];
const ROUNDS: usize = 3;
const CALLERS: u64 = 64;
const AT_ONCE: usize = 64;
/// An envelope with a payload of 214 bytes, on the wire.
const ENVELOPE_BYTES: usize = 520;
const SHALLOW: u64 = 5_000;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    if let (Some("worker"), Some(url)) = (arguments.next().as_deref(), arguments.next()) {
        return work(&url).await;
    }
    let sync_always = std::env::var("QUEUE_BENCH_SYNC").is_ok_and(|text| text == "always");
    let server = NatsServer::builder().sync_always(sync_always);
    let server = server.start().await.expect("a server");
    println!("one server, file storage, sync always: {sync_always}");
    let part = std::env::var("QUEUE_BENCH_PART").unwrap_or_default();
    let is_wanted = |name: &str| part.is_empty() || part == name;
    if is_wanted("enqueue") {
        enqueues(&server).await;
    }
    if is_wanted("drain") {
        drains(&server).await;
    }
    if is_wanted("idle") {
        idle(&server).await;
    }
    if is_wanted("processes") {
        processes(&server).await;
    }
    if is_wanted("lateness") {
        lateness(&server).await;
    }
}

async fn enqueues(server: &NatsServer) {
    heading("enqueue, each caller waits for its own acknowledgement");
    for (callers, jobs) in [(1, 2_000), (CALLERS, 20_000)] {
        let (mut raws, mut queues) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let raw = RawNats::open(&server.url(), ENVELOPE_BYTES).await;
            raws.push(
                round(each(callers, jobs, move || {
                    let raw = raw.clone();
                    async move { raw.publish().await }
                }))
                .await,
            );
            let backend = open(server).await;
            queues.push(
                round(each(callers, jobs, move || {
                    let backend = backend.clone();
                    async move {
                        drop(
                            backend
                                .enqueue(vec![envelope(None)])
                                .await
                                .expect("enqueue"),
                        )
                    }
                }))
                .await,
            );
        }
        let ceiling = median(raws);
        line(
            &format!("async-nats, {callers} caller(s) (the ceiling)"),
            ceiling,
            None,
        );
        line(
            &format!("queue, {callers} caller(s)"),
            median(queues),
            Some(ceiling),
        );
    }
    for (callers, jobs) in [(1, 1_000), (CALLERS, 10_000)] {
        let (mut raws, mut queues) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let raw = RawNats::open(&server.url(), ENVELOPE_BYTES).await;
            raws.push(
                round(each(callers, jobs, move || {
                    let raw = raw.clone();
                    async move {
                        raw.publish().await;
                        raw.publish().await;
                    }
                }))
                .await,
            );
            let backend = open(server).await;
            queues.push(
                round(each(callers, jobs, move || {
                    let backend = backend.clone();
                    async move { drop(backend.enqueue(vec![keyed()]).await.expect("enqueue")) }
                }))
                .await,
            );
        }
        let ceiling = median(raws);
        line(
            &format!("async-nats, {callers} caller(s), two messages each (the ceiling)"),
            ceiling,
            None,
        );
        line(
            &format!("queue, {callers} caller(s), each job with a key"),
            median(queues),
            Some(ceiling),
        );
    }
    let (mut raws, mut wholes, mut queues) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let raw = RawNats::open(&server.url(), ENVELOPE_BYTES).await;
        raws.push(round(raw.publish_many(50_000)).await);
        let raw = RawNats::open(&server.url(), ENVELOPE_BYTES).await;
        let backend = open(server).await;
        let size = backend.enqueue_batch_max() as u64;
        wholes.push(round(raw.publish_whole(50_000, size)).await);
        queues.push(round(fill(&backend, 50_000)).await);
    }
    line("async-nats, 1000 on their way", median(raws), None);
    let ceiling = median(wholes);
    line(
        "async-nats, batches stored whole (the ceiling)",
        ceiling,
        None,
    );
    line("queue, bulk", median(queues), Some(ceiling));
}

async fn drains(server: &NatsServer) {
    heading("drain, 64 at a time");
    let deep = scale("QUEUE_BENCH_BACKLOG", 20_000);
    for backlog in [SHALLOW, deep] {
        let (mut bare, mut appended) = (Vec::new(), Vec::new());
        let (mut fenced, mut queues) = (Vec::new(), Vec::new());
        let (mut fills, mut looks) = (Vec::new(), Vec::new());
        // A million jobs take minutes.
        let rounds = if backlog > 200_000 { 1 } else { ROUNDS };
        for _ in 0..rounds {
            for (records, rounds) in [
                (Records::None, &mut bare),
                (Records::Appended, &mut appended),
                (Records::Fenced, &mut fenced),
            ] {
                let raw = RawNats::open(&server.url(), ENVELOPE_BYTES).await;
                raw.publish_many(backlog).await;
                rounds.push(round(raw.drain(backlog, AT_ONCE, records)).await);
            }
            let backend = open(server).await;
            fills.push(round(fill(&backend, backlog)).await);
            looks.extend(look_up(&backend).await);
            queues.push(round(drain(&*backend, backlog)).await);
        }
        line(
            &format!("queue, enqueue of {backlog} in bulk"),
            median(fills),
            None,
        );
        percentiles(
            &format!("queue, look-up of a waiting job among {backlog}"),
            looks,
        );
        let ceiling = median(fenced);
        line(
            &format!("async-nats, {backlog}, nothing recorded"),
            median(bare),
            None,
        );
        line(
            &format!("async-nats, {backlog}, start and end appended"),
            median(appended),
            None,
        );
        line(
            &format!("async-nats, {backlog}, start and end fenced (the ceiling)"),
            ceiling,
            None,
        );
        line(&format!("queue, {backlog}"), median(queues), Some(ceiling));
    }
}

/// How long it takes to find a job that nobody started yet.
async fn look_up(backend: &JetStreamBackend) -> Vec<Duration> {
    let job = envelope(None);
    let id = job.id;
    backend.enqueue(vec![job]).await.expect("enqueue");
    let mut looks = Vec::new();
    for _ in 0..100 {
        let start = Instant::now();
        assert!(backend.job(id).await.expect("an answer").is_some());
        looks.push(start.elapsed());
    }
    backend.cancel(id).await.expect("an answer");
    looks
}

/// From the enqueue of a job until an idle worker's lease has it.
async fn idle(server: &NatsServer) {
    const SAMPLES: usize = 300;
    heading("idle latency: from the enqueue to the waiting worker");
    for (records, what) in [
        (Records::None, "async-nats, nothing recorded"),
        (
            Records::Started,
            "async-nats, its start recorded (the ceiling)",
        ),
    ] {
        let raw = RawNats::open(&server.url(), ENVELOPE_BYTES).await;
        let mut samples = Vec::with_capacity(SAMPLES);
        for _ in 0..SAMPLES {
            let taker = raw.clone();
            let taken = tokio::spawn(async move {
                taker.take_one(records).await;
                Instant::now()
            });
            tokio::time::sleep(Duration::from_millis(5)).await;
            let start = Instant::now();
            raw.publish().await;
            samples.push(taken.await.expect("no panic") - start);
        }
        percentiles(what, samples);
    }

    let backend = open(server).await;
    let mut samples = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let taker = backend.clone();
        let taken = tokio::spawn(async move {
            let deliveries = taker.lease(request(1)).await.expect("lease");
            let at = Instant::now();
            settle(&*taker, deliveries).await;
            at
        });
        tokio::time::sleep(Duration::from_millis(5)).await;
        let start = Instant::now();
        backend
            .enqueue(vec![envelope(None)])
            .await
            .expect("enqueue");
        samples.push(taken.await.expect("no panic") - start);
    }
    percentiles("queue, its start recorded", samples);
}

/// Worker processes beside each other on one backlog.
async fn processes(server: &NatsServer) {
    heading("worker processes, 64 at a time each (this machine also runs the server)");
    for count in [1, 2, 4] {
        let backend = open(server).await;
        let jobs = 20_000;
        fill(&backend, jobs).await;
        let mut workers: Vec<Child> = (0..count).map(|_| start_worker(&server.url())).collect();
        let start = Instant::now();
        let left = || async {
            let stats = backend.stats(QUEUE.to_owned()).await.expect("stats");
            stats.ready + stats.running
        };
        while left().await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let taken = Round {
            jobs,
            wall: start.elapsed(),
            cpu: Duration::ZERO,
        };
        for worker in &mut workers {
            // It ends with its input.
            drop(worker.stdin.take());
            let _ = worker.wait();
        }
        line(
            &format!("queue, {count} worker process(es), their start included"),
            taken,
            None,
        );
    }
}

/// How late delayed jobs are leased.
async fn lateness(server: &NatsServer) {
    let schedules = scale("QUEUE_BENCH_SCHEDULES", 10_000);
    heading(&format!("{schedules} delayed jobs, due over 5 s"));
    let backend = open(server).await;
    let clock = SystemClock::default();
    let first = clock.now().saturating_add(Duration::from_secs(5));
    for part in (0..schedules)
        .collect::<Vec<_>>()
        .chunks(backend.enqueue_batch_max())
    {
        let spread = |number: &u64| Duration::from_millis(number * 5_000 / schedules);
        let batch = part
            .iter()
            .map(|number| envelope(Some(first.saturating_add(spread(number)))));
        backend.enqueue(batch.collect()).await.expect("enqueue");
    }
    println!(
        "stored {:?} before the first is due",
        first.since(clock.now())
    );
    let mut samples = Vec::new();
    while (samples.len() as u64) < schedules {
        let deliveries = backend.lease(request(AT_ONCE)).await.expect("lease");
        let now = clock.now();
        samples.extend(deliveries.iter().map(|d| now.since(d.envelope.due_at)));
        settle(&*backend, deliveries).await;
    }
    percentiles("late by", samples);
}

/// A worker process: drains until its input ends.
async fn work(url: &str) {
    let backend = JetStreamBackend::open(JetStreamOptions::at(url))
        .await
        .expect("a connection");
    let drain = async {
        loop {
            let deliveries = backend.lease(request(AT_ONCE)).await.expect("lease");
            settle(&backend, deliveries).await;
        }
    };
    tokio::select! {
        () = drain => {}
        _ = tokio::task::spawn_blocking(|| std::io::stdin().lines().count()) => {}
    }
}

fn start_worker(url: &str) -> Child {
    Command::new(std::env::current_exe().expect("a path"))
        .args(["worker", url])
        .stdin(Stdio::piped())
        .spawn()
        .expect("a process")
}

fn request(max: usize) -> LeaseRequest {
    LeaseRequest {
        queue: QUEUE,
        kinds: KINDS,
        max,
        max_by_priority: [max; 4],
        visibility: Duration::from_secs(30),
        wait: Duration::from_secs(5),
        rate_limit: None,
        limits: Vec::new(),
    }
}

async fn settle(backend: &dyn Backend, deliveries: Vec<queue::backend::Delivery>) {
    let batch = deliveries.into_iter().map(|delivery| Settlement {
        lease: delivery.lease,
        disposition: Disposition::Complete(None),
    });
    backend.settle(batch.collect()).await.expect("settle");
}

async fn drain(backend: &dyn Backend, jobs: u64) -> u64 {
    let mut done = 0;
    while done < jobs {
        let deliveries = backend.lease(request(AT_ONCE)).await.expect("lease");
        done += deliveries.len() as u64;
        settle(backend, deliveries).await;
    }
    done
}

async fn fill(backend: &JetStreamBackend, jobs: u64) -> u64 {
    let size = backend.enqueue_batch_max() as u64;
    let mut left = jobs;
    while left > 0 {
        let batch = (0..left.min(size)).map(|_| envelope(None)).collect();
        backend.enqueue(batch).await.expect("enqueue");
        left -= left.min(size);
    }
    jobs
}

/// A store whose queue is empty: its streams are made anew.
async fn open(server: &NatsServer) -> Arc<JetStreamBackend> {
    let client = async_nats::connect(server.url())
        .await
        .expect("a connection");
    let context = async_nats::jetstream::new(client);
    for stream in ["BENCH", "BENCH_EVENTS", "BENCH_DEAD", "BENCH_LIMITS"] {
        // It may not be there.
        let _ = context.delete_stream(stream).await;
    }
    let options = JetStreamOptions::at(server.url())
        .messages_max(10_000_000)
        .running_max(10_000);
    let backend = JetStreamBackend::open(options).await.expect("a connection");
    backend.prepare(QUEUE).await.expect("the streams");
    Arc::new(backend)
}

fn envelope(due_at: Option<queue::clock::Timestamp>) -> Envelope {
    let payload = format!(r#"{{"type":"ping","text":"{}"}}"#, "x".repeat(180)).into_bytes();
    let now = SystemClock::default().now();
    let mut envelope = Envelope::new(QUEUE, Kind::from_static("ping"), 1, payload, now);
    if let Some(due_at) = due_at {
        envelope.due_at = due_at;
    }
    envelope
}

/// A job with an idempotency key of its own.
fn keyed() -> Envelope {
    let mut envelope = envelope(None);
    envelope.idempotency = Some(Idempotency {
        key: IdempotencyKey::new(envelope.id.to_string()).expect("a key"),
        window_ms: 86_400_000,
    });
    envelope
}

async fn each<F, Fut>(callers: u64, jobs: u64, work: F) -> u64
where
    F: Fn() -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let work = work.clone();
            tokio::spawn(async move {
                for _ in 0..jobs / callers {
                    work().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    jobs / callers * callers
}

/// A number of jobs from a variable.
fn scale(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}
