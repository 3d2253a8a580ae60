//! With `--unknown stop` nothing is sent twice, whatever is killed; with a graceful stop neither.

use std::time::Duration;

use crate::process::Target;
use crate::trial::{Trial, Twice};

fn run(cycles: usize, unknown: &str, end: impl Fn(Target) -> Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(17);
    let mut trial = Trial::new(2, 16, unknown);
    for _ in 0..cycles {
        let mut target = trial.start(folder.path());
        for _ in 0..40 {
            let (_, command) = trial.ledger.next_command();
            target.say(&command);
        }
        std::thread::sleep(Duration::from_millis(random.u64(0..60)));
        trial.ended(end(target));
    }
    trial.finish(folder.path(), Twice::Nothing);
}

#[test]
fn at_most_once_means_no_extra_sends_over_kills() {
    run(30, "stop", Target::kill);
}

#[test]
fn a_graceful_stop_sends_nothing_twice() {
    run(30, "retry", Target::stop);
}
