//! One queue on a NATS server that is killed and started again every five seconds, while one of its workers is killed every
//! three: nothing acknowledged is lost, and no more is sent twice than was in flight.
//!
//! More of it: `QUEUE_NATS_JOBS=100000 cargo test --release -p queue-examples --test harness nats -- --nocapture`

use std::time::{Duration, Instant};

use queue::testing::gateway::Gateway;
use queue::testing::nats_server::NatsServer;

use crate::ledger::Ledger;
use crate::process::Target;

const CONCURRENCY: u64 = 32;
const WORKERS: usize = 2;
const SERVER_RESTART_EVERY: Duration = Duration::from_secs(5);
const WORKER_KILL_EVERY: Duration = Duration::from_secs(3);

#[test]
fn nothing_acknowledged_is_lost_while_the_server_and_the_workers_die() {
    let jobs: usize = std::env::var("QUEUE_NATS_JOBS")
        .ok()
        .and_then(|jobs| jobs.parse().ok())
        .unwrap_or(1_500);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let latency = (Duration::from_millis(2), Duration::from_millis(8));
    let gateway = Gateway::builder().latency(latency.0, latency.1).start();
    let gateway = runtime.block_on(gateway).unwrap();
    let gateway_started = Instant::now();
    let server = runtime.block_on(NatsServer::start()).unwrap();
    let concurrency = CONCURRENCY.to_string();
    let flags = ["--concurrency", &concurrency, "--unknown", "retry"];
    let lease = ["--lease-ms", "3000"];
    let start = |more: &[&str]| {
        let flags = [&flags[..], &lease[..], more].concat();
        Target::start_at(&server.url(), &gateway.url(), &flags)
    };
    let mut producer = start(&["--no-worker"]);
    let mut workers: Vec<Target> = (0..WORKERS).map(|_| start(&["--no-enqueue"])).collect();

    let mut ledger = Ledger::default();
    let mut asked = 0;
    let mut faults = 0;
    let (mut restarted, mut killed) = (Instant::now(), Instant::now());
    let began = Instant::now();
    // The small run is spread over three restarts; the large one is as fast as it goes.
    let pace = Duration::from_secs(16) / 1_500;
    let most_of_it = jobs * 3 / 4;
    let give_up_at = began + Duration::from_secs(60 + jobs as u64 / 25);
    while asked < jobs || gateway.accepted_count() < most_of_it {
        assert!(
            Instant::now() < give_up_at,
            "{} sent",
            gateway.accepted_count()
        );
        let due = (began.elapsed().as_secs_f64() / pace.as_secs_f64()) as usize;
        while asked < jobs.min(if jobs > 1_500 { asked + 200 } else { due }) {
            let (id, command) = ledger.next_command();
            producer.say(&command);
            if asked % 50 == 21 {
                producer.say(&ledger.cancel_command(&id));
            }
            asked += 1;
            if asked % 200 == 0 {
                break;
            }
        }
        while let Some(line) = producer.line(Duration::from_millis(5)) {
            ledger.hear(&line);
        }
        if killed.elapsed() >= WORKER_KILL_EVERY {
            let worker = workers.remove(0);
            worker.kill().iter().for_each(|line| ledger.hear(line));
            workers.push(start(&["--no-enqueue"]));
            (faults, killed) = (faults + 1, Instant::now());
        }
        if restarted.elapsed() >= SERVER_RESTART_EVERY {
            server.kill().unwrap();
            runtime.block_on(server.restart()).unwrap();
            // Both workers and the producer may be in the middle of something.
            (faults, restarted) = (faults + 1, Instant::now());
        }
    }
    ledger.kills = faults;
    let patience = Duration::from_secs(90 + jobs as u64 / 100);
    for line in producer.wait_until_idle_for(patience) {
        ledger.hear(&line);
    }
    let states = producer.dump();
    for worker in workers {
        worker.stop().iter().for_each(|line| ledger.hear(line));
    }
    producer.stop().iter().for_each(|line| ledger.hear(line));
    println!("{} jobs in {:?}", jobs, began.elapsed());
    assert_eq!(ledger.acknowledged(), jobs, "every job was acknowledged");
    ledger.check(
        &gateway.rows(),
        &states,
        faults * CONCURRENCY * WORKERS as u64,
    );
    let arrivals: Vec<_> = gateway
        .requests()
        .into_iter()
        .flat_map(|request| {
            let at = gateway_started + request.at;
            request.rows.into_iter().map(move |row| (row.message, at))
        })
        .collect();
    ledger.check_due_times(&arrivals);
}
