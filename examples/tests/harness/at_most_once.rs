//! With `--unknown stop` nothing is sent twice, whatever is killed; with a graceful stop neither.

use std::time::Duration;

use queue::testing::gateway::Gateway;

use crate::ledger::Ledger;
use crate::process::Target;

fn run(cycles: usize, unknown: &str, end: impl Fn(Target) -> Vec<String>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let gateway = runtime
        .block_on(
            Gateway::builder()
                .latency(Duration::from_millis(2), Duration::from_millis(8))
                .start(),
        )
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--concurrency", "16", "--unknown", unknown];
    let mut random = fastrand::Rng::with_seed(17);
    let mut ledger = Ledger::default();
    for _ in 0..cycles {
        let mut target = Target::start(folder.path(), &gateway.url(), &flags);
        for _ in 0..40 {
            let (_, command) = ledger.next_command();
            target.say(&command);
        }
        std::thread::sleep(Duration::from_millis(random.u64(0..60)));
        for line in end(target) {
            ledger.hear(&line);
        }
        ledger.kills += 1;
    }
    let mut target = Target::start(folder.path(), &gateway.url(), &flags);
    target
        .wait_until_idle()
        .iter()
        .for_each(|line| ledger.hear(line));
    let states = target.dump();
    target.stop();
    assert!(ledger.acknowledged() > cycles);
    ledger.check(&gateway.rows(), &states, 0);
}

#[test]
fn at_most_once_means_no_extra_sends_over_kills() {
    run(30, "stop", Target::kill);
}

#[test]
fn a_graceful_stop_sends_nothing_twice() {
    run(30, "retry", Target::stop);
}
