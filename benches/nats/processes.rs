//! Worker processes beside each other on one backlog.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use queue::backend::{Backend, JetStreamBackend, JetStreamOptions};
use queue::testing::nats_server::NatsServer;
use queue_benches::report::{Round, heading, line};

use crate::store::{AT_ONCE, QUEUE, fill, open, request, settle};

/// Worker processes beside each other on one backlog.
pub(crate) async fn measure(server: &NatsServer) {
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
            server_cpu: None,
        };
        for worker in &mut workers {
            // It ends with its input.
            drop(worker.stdin.take());
            let _ = worker.wait();
        }
        line(
            &format!("queue, {count} worker process(es), their start included"),
            &[taken],
            None,
        );
    }
}

/// A worker process: drains until its input ends.
pub(crate) async fn work(url: &str) {
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
