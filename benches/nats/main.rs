//! How fast is `nats://`? Beside raw async-nats on the same server in the same run: enqueue, drain, idle latency; then look-ups,
//! worker processes, the lateness of delayed jobs, and a deep backlog.
//!
//! `cargo bench -p queue-benches --bench nats`. One part of it: `QUEUE_BENCH_PART`, which is `enqueue`, `drain`, `worker`,
//! `look-up`, `idle`, `processes` or `lateness`. Scaled by `QUEUE_BENCH_BACKLOG` (jobs of the deep backlog, default 20000; 1000000 takes
//! ten minutes), `QUEUE_BENCH_SCHEDULES` (default 10000) and `QUEUE_BENCH_SYNC=always`.
#![expect(clippy::print_stdout, reason = "a benchmark's report")]

mod drain;
mod enqueue;
mod idle;
mod lateness;
mod look_up;
mod processes;
mod store;
mod worker;

use queue::testing::nats_server::NatsServer;
use queue_benches::report;

/// How often a figure is measured; the median is shown.
const ROUNDS: usize = 5;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    if let (Some("worker"), Some(url)) = (arguments.next().as_deref(), arguments.next()) {
        return processes::work(&url).await;
    }
    let sync_always = std::env::var("QUEUE_BENCH_SYNC").is_ok_and(|text| text == "always");
    let server = NatsServer::builder().sync_always(sync_always);
    let server = server.start().await.expect("a server");
    report::watch_server(server.pid().unwrap_or_default());
    println!("one server, file storage, sync always: {sync_always}");
    let part = std::env::var("QUEUE_BENCH_PART").unwrap_or_default();
    // As a task, as a worker is.
    let measured = tokio::spawn(async move { measure(&server, &part).await });
    measured.await.expect("no panic");
}

async fn measure(server: &NatsServer, part: &str) {
    let is_wanted = |name: &str| part.is_empty() || part == name;
    if is_wanted("enqueue") {
        enqueue::measure(server).await;
    }
    if is_wanted("drain") {
        drain::measure(server).await;
    }
    if is_wanted("worker") {
        worker::measure(server).await;
    }
    if is_wanted("look-up") {
        look_up::measure(server).await;
    }
    if is_wanted("idle") {
        idle::measure(server).await;
    }
    if is_wanted("processes") {
        processes::measure(server).await;
    }
    if is_wanted("lateness") {
        lateness::measure(server).await;
    }
}

/// A number of jobs from a variable.
fn scale(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}
