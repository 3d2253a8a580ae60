//! 200 kills while it enqueues and works: nothing acknowledged is lost, and no more is sent twice than was in flight.
//!
//! More of them: `QUEUE_KILLS=10000 cargo test --release -p queue-examples --test harness kill_loop -- --nocapture`

use std::time::{Duration, Instant};

use queue::testing::gateway::Gateway;

use crate::ledger::Ledger;
use crate::process::Target;

const CONCURRENCY: u64 = 32;

#[test]
fn nothing_acknowledged_is_lost_over_200_kills() {
    let kills: u64 = std::env::var("QUEUE_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok())
        .unwrap_or(200);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let gateway = runtime
        .block_on(
            Gateway::builder()
                .latency(Duration::from_millis(2), Duration::from_millis(8))
                .start(),
        )
        .unwrap();
    let gateway_started = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let flags = [
        "--concurrency",
        &CONCURRENCY.to_string(),
        "--unknown",
        "retry",
    ];
    let mut random = fastrand::Rng::with_seed(4711);
    let mut ledger = Ledger::default();
    let mut openings = Vec::new();

    for kill in 0..kills {
        let mut target = Target::start(folder.path(), &gateway.url(), &flags);
        openings.push(target.opened_in);
        let mut delayed = None;
        for _ in 0..random.usize(1..60) {
            let (id, command) = ledger.next_command();
            target.say(&command);
            if command.contains("_delay_ms") {
                delayed = Some(id);
            }
        }
        if let Some(id) = delayed.filter(|_| random.bool()) {
            target.say(&ledger.cancel_command(&id));
        }
        match kill % 4 {
            // At any moment.
            0 | 1 => std::thread::sleep(Duration::from_millis(random.u64(0..60))),
            // Just after an acknowledgement.
            2 => {
                while target.line(Duration::from_millis(100)).is_some_and(|line| {
                    ledger.hear(&line);
                    !line.starts_with("ack")
                }) {}
            }
            // Just after the gateway accepted something.
            _ => {
                let seen = gateway.accepted_count();
                let deadline = Instant::now() + Duration::from_millis(200);
                while gateway.accepted_count() == seen && Instant::now() < deadline {
                    std::thread::yield_now();
                }
            }
        }
        for line in target.kill() {
            ledger.hear(&line);
        }
        ledger.kills += 1;
    }

    let mut target = Target::start(folder.path(), &gateway.url(), &flags);
    for line in target.wait_until_idle() {
        ledger.hear(&line);
    }
    let states = target.dump();
    target.stop();
    openings.sort();
    println!(
        "opened in {:?} p50, {:?} p99",
        openings[openings.len() / 2],
        openings[openings.len() * 99 / 100]
    );
    assert!(
        ledger.acknowledged() > kills as usize,
        "the loop did something"
    );
    ledger.check(&gateway.rows(), &states, kills * CONCURRENCY);
    let arrivals: Vec<_> = gateway
        .requests()
        .into_iter()
        .flat_map(|request| {
            request
                .rows
                .into_iter()
                .map(move |row| (row.message, gateway_started + request.at))
        })
        .collect();
    ledger.check_times(&arrivals);
}
