//! Given, or 3.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(max_attempts = 1)]
    A(Greeting),
    B(Greeting),
}

fn main() {
    assert_eq!(PushJobKind::A.info().max_attempts, 1);
    assert_eq!(PushJobKind::B.info().max_attempts, 3);
}
