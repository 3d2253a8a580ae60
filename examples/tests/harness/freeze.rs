//! Two processes on one file; one is frozen for three leases while it sends, then goes on.

use std::time::Duration;

use queue::testing::gateway::Gateway;

use crate::ledger::Ledger;
use crate::process::Target;

const CONCURRENCY: u64 = 8;
const LEASE: Duration = Duration::from_millis(1000);

#[test]
fn a_frozen_process_loses_its_leases_and_its_late_results_are_refused() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let latency = Duration::from_millis(300);
    let gateway = runtime
        .block_on(Gateway::builder().latency(latency, Duration::ZERO).start())
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (concurrency, lease) = (CONCURRENCY.to_string(), LEASE.as_millis().to_string());
    let flags = [
        "--concurrency",
        &concurrency,
        "--unknown",
        "retry",
        "--lease-ms",
        &lease,
    ];
    let mut frozen = Target::start(folder.path(), &gateway.url(), &flags);
    let mut ledger = Ledger::default();
    let mut plain = 0;
    while plain < 40 {
        let (_, command) = ledger.next_command();
        plain += 1;
        frozen.say(&command);
    }
    std::thread::sleep(latency + latency / 2);
    frozen.signal("STOP");
    let mut other = Target::start(folder.path(), &gateway.url(), &flags);
    std::thread::sleep(3 * LEASE);
    frozen.signal("CONT");
    for line in other
        .wait_until_idle()
        .into_iter()
        .chain(frozen.wait_until_idle())
    {
        ledger.hear(&line);
    }
    let states = other.dump();
    for target in [frozen, other] {
        target.stop().iter().for_each(|line| ledger.hear(line));
    }
    assert_eq!(ledger.acknowledged(), plain);
    ledger.check(&gateway.rows(), &states, CONCURRENCY);
}
