//! 200 kills while it enqueues and works: nothing acknowledged is lost, and no more is sent twice than was in flight.
//!
//! More of them: `QUEUE_KILLS=10000 cargo test --release -p queue-examples --test harness kill_loop -- --nocapture`

use std::time::{Duration, Instant};

use crate::trial::{Trial, Twice};

const CONCURRENCY: u64 = 32;

#[test]
fn nothing_acknowledged_is_lost_over_200_kills() {
    let kills: u64 = std::env::var("QUEUE_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok())
        .unwrap_or(200);
    let mut trial = Trial::new(2, CONCURRENCY, "retry");
    let gateway_started = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(4711);
    let mut openings = Vec::new();

    for kill in 0..kills {
        let mut target = trial.start(folder.path());
        openings.push(target.opened_in);
        let mut delayed = None;
        for _ in 0..random.usize(1..60) {
            let (id, command) = trial.ledger.next_command();
            target.say(&command);
            if command.contains("_delay_ms") {
                delayed = Some(id);
            }
        }
        if let Some(id) = delayed.filter(|_| random.bool()) {
            target.say(&trial.ledger.cancel_command(&id));
        }
        match kill % 4 {
            // At any moment.
            0 | 1 => std::thread::sleep(Duration::from_millis(random.u64(0..60))),
            // Just after an acknowledgement.
            2 => {
                while target.line(Duration::from_millis(100)).is_some_and(|line| {
                    trial.ledger.hear(&line);
                    !line.starts_with("ack")
                }) {}
            }
            // Just after the gateway accepted something.
            _ => {
                let seen = trial.gateway.accepted_count();
                let deadline = Instant::now() + Duration::from_millis(200);
                while trial.gateway.accepted_count() == seen && Instant::now() < deadline {
                    std::thread::yield_now();
                }
            }
        }
        trial.ended(target.kill());
    }

    trial.finish(folder.path(), Twice::WhatWasInFlight);
    openings.sort();
    println!(
        "opened in {:?} p50, {:?} p99",
        openings[openings.len() / 2],
        openings[openings.len() * 99 / 100]
    );
    let arrivals: Vec<_> = trial
        .gateway
        .requests()
        .into_iter()
        .flat_map(|request| {
            request
                .rows
                .into_iter()
                .map(move |row| (row.message, gateway_started + request.at))
        })
        .collect();
    trial.ledger.check_times(&arrivals);
}
