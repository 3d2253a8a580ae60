//! Every word.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(priority = "critical")]
    A(Greeting),
    #[job(priority = "high")]
    B(Greeting),
    #[job(priority = "normal")]
    C(Greeting),
    #[job(priority = "low")]
    D(Greeting),
    E(Greeting),
}

fn main() {
    let priorities: Vec<&str> = PushJobKind::ALL
        .iter()
        .map(|kind| kind.info().priority.as_str())
        .collect();
    assert_eq!(priorities, ["critical", "high", "normal", "low", "normal"]);
}
