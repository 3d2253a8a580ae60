//! Servers that stop, freeze, crash and lose lines: nothing acknowledged is lost, and everything goes on by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use queue::backend::JetStreamOptions;
use queue::testing::nats_server::NatsServer;
use queue::worker::{Outcome, handler_fn};
use queue::{Queue, SmsJob, Worker, create_notification_sms_job};

use super::proxy::Proxy;
use super::support::{Ledger, enqueue, message, open, open_with, until};

/// How long a freeze lasts: seconds, 20 as in the field by `QUEUE_TEST_FREEZE_S=20`, fewer by default.
fn freeze() -> Duration {
    let seconds = std::env::var("QUEUE_TEST_FREEZE_S").ok();
    Duration::from_secs(seconds.and_then(|text| text.parse().ok()).unwrap_or(4))
}

/// Enqueues from four tasks until told to stop, and counts what was acknowledged.
struct Load {
    acknowledged: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn on(queue: &Queue<SmsJob>) -> Self {
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..4)
            .map(|task| {
                let (queue, stop) = (queue.clone(), stop.clone());
                let acknowledged = acknowledged.clone();
                tokio::spawn(async move {
                    let mut number = 0;
                    while !stop.load(Ordering::Relaxed) {
                        enqueue(&queue, &format!("{task}-{number}")).await;
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                        number += 1;
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                })
            })
            .collect();
        Self {
            acknowledged,
            stop,
            tasks,
        }
    }

    fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        self.acknowledged.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_and_restarts_under_load_lose_nothing() {
    let server = NatsServer::start().await.unwrap();
    let (queue, _health) = open(server.url()).await;
    let ledger = Ledger::default();
    let worker = ledger.worker(&queue, 8, Duration::from_millis(2));
    let load = Load::on(&queue);
    for round in 0..4 {
        let before = load.acknowledged();
        until("jobs are taken", || load.acknowledged() > before + 50).await;
        match round % 2 {
            0 => server.kill().unwrap(),
            _ => server.stop().await.unwrap(),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.restart().await.unwrap();
    }
    let acknowledged = load.end().await;
    until("all ran", || ledger.jobs() >= acknowledged).await;
    worker.shutdown(Duration::from_secs(5)).await.unwrap();
    assert_eq!(ledger.jobs(), acknowledged);
    // A crash leaves at most what was in flight in doubt, and that may run again.
    let extra = ledger.runs() as usize - acknowledged;
    assert!(extra <= 4 * 8, "{extra} ran again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_delays_and_loses_nothing() {
    let server = NatsServer::start().await.unwrap();
    let (queue, health) = open(server.url()).await;
    let ledger = Ledger::default();
    let worker = ledger.worker(&queue, 8, Duration::from_millis(2));
    let load = Load::on(&queue);
    until("jobs are taken", || load.acknowledged() > 50).await;
    server.freeze().unwrap();
    tokio::time::sleep(freeze()).await;
    let seen = health.current();
    assert!(!seen.is_well(), "a frozen server is seen: {seen:?}");
    server.thaw().unwrap();
    let before = load.acknowledged();
    until("jobs are taken again", || load.acknowledged() > before + 50).await;
    let acknowledged = load.end().await;
    until("all ran", || ledger.jobs() >= acknowledged).await;
    worker.shutdown(Duration::from_secs(5)).await.unwrap();
    assert_eq!(ledger.jobs(), acknowledged);
    let extra = ledger.runs() as usize - acknowledged;
    assert!(extra <= 8, "{extra} ran again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_lost_its_line_is_back_in_three_seconds() {
    let server = NatsServer::start().await.unwrap();
    let proxy = Proxy::to(server.address()).await;
    let (steady, _health) = open(server.url()).await;
    let (shaky, health) = open(proxy.url()).await;
    const JOBS: usize = 8_000;
    let jobs = (0..JOBS).map(|_| steady.enqueue(SmsJob::Notification(message("x"))));
    for answer in steady.enqueue_many(jobs).await {
        answer.unwrap();
    }
    let (ours, theirs) = (Ledger::default(), Ledger::default());
    let workers = [
        ours.worker(&steady, 4, Duration::from_millis(5)),
        theirs.worker(&shaky, 4, Duration::from_millis(5)),
    ];
    until("both work", || ours.jobs() > 40 && theirs.jobs() > 40).await;
    // What part of all jobs it runs in a while. Its line is longer than the other's, so that is not half of them.
    let share = async |time| {
        let before = (ours.jobs(), theirs.jobs());
        tokio::time::sleep(time).await;
        let (we, they) = (ours.jobs() - before.0, theirs.jobs() - before.1);
        they as f64 / (we + they).max(1) as f64
    };
    for _ in 0..3 {
        let full = share(Duration::from_secs(1)).await;
        proxy.cut();
        let cut_at = Instant::now();
        loop {
            let now = share(Duration::from_millis(300)).await;
            if now >= full * 0.75 {
                break;
            }
            let late = cut_at.elapsed();
            assert!(
                late < Duration::from_secs(3),
                "{now} of all jobs, {full} before the cut"
            );
        }
    }
    assert!(
        ours.jobs() + theirs.jobs() < JOBS,
        "there was work all the time"
    );
    assert!(health.current().is_well());
    for worker in workers {
        worker.shutdown(Duration::from_secs(5)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_hundred_idle_workers_cost_the_server_next_to_nothing() {
    let server = NatsServer::start().await.unwrap();
    let (queue, _health) = open(server.url()).await;
    let ledger = Ledger::default();
    let workers: Vec<_> = (0..600)
        .map(|_| ledger.worker(&queue, 1, Duration::ZERO))
        .collect();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = server.figure("/varz", "in_msgs").await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = server.figure("/varz", "in_msgs").await.unwrap();
    let per_second = (after - before) / 5;
    assert!(per_second < 20, "{per_second} messages a second");
    // They are there all the same.
    for number in 0..50 {
        enqueue(&queue, &format!("{number}")).await;
    }
    let took = until("all ran", || ledger.jobs() == 50).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
    for worker in &workers {
        worker.stop();
    }
    for worker in workers {
        worker.finished().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_and_takes_jobs_again_when_it_is_drained() {
    let server = NatsServer::start().await.unwrap();
    let options = JetStreamOptions::at(server.url()).messages_max(20);
    let (queue, health) = open_with(options).await;
    let mut stored = 0;
    let error = loop {
        match create_notification_sms_job(&queue, message("x")).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 100, "it must be refused some time");
    };
    assert!(
        error.is_retryable() && error.retry_after().is_some(),
        "{error:?}"
    );
    assert_eq!(stored, 20);
    let full = |health: &queue::backend::Health| {
        health
            .problems
            .iter()
            .any(|problem| problem.as_str() == "queue_full")
    };
    super::support::until_health(&health, "full", full).await;
    let ledger = Ledger::default();
    let worker = ledger.worker(&queue, 4, Duration::ZERO);
    until("all ran", || ledger.jobs() == 20).await;
    enqueue(&queue, "again").await;
    until("it ran", || ledger.jobs() == 21).await;
    worker.shutdown(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_and_keys_of_any_letters_come_back_as_they_were() {
    let server = NatsServer::start().await.unwrap();
    let (queue, _health) = open(server.url()).await;
    let (seen, mut tenants) = tokio::sync::mpsc::unbounded_channel();
    let handler = handler_fn(move |_: SmsJob, context: queue::worker::JobContext| {
        let tenant = context.tenant.map(|tenant| tenant.to_string());
        let key = context.idempotency_key.map(|key| key.to_string());
        seen.send((tenant.unwrap(), key.unwrap())).unwrap();
        async { Outcome::Completed(None) }
    });
    let mut wanted = Vec::new();
    for odd in [
        "a.b", "a b", "*", ">", "a.>", "żółć", "🦀.*", "%2e", "$JS.API", "..", "-",
    ] {
        let key = format!("key {odd}");
        let receipt = create_notification_sms_job(&queue, message("x"))
            .tenant(odd)
            .job_id(&key)
            .await
            .unwrap();
        assert!(!receipt.is_duplicate);
        let again = create_notification_sms_job(&queue, message("x"))
            .job_id(&key)
            .await;
        assert_eq!(again.unwrap().job_id, receipt.job_id);
        wanted.push((odd.to_owned(), key));
    }
    let worker = Worker::with_handler(queue.clone(), handler)
        .unlimited()
        .spawn();
    let mut found = Vec::new();
    for _ in &wanted {
        let next = tokio::time::timeout(Duration::from_secs(10), tenants.recv()).await;
        found.push(next.unwrap().unwrap());
    }
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
    worker.shutdown(Duration::from_secs(5)).await.unwrap();
}
