//! Given, or 1.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(version = 7)]
    A(Greeting),
    B(Greeting),
}

fn main() {
    assert_eq!(PushJobKind::A.info().version, 7);
    assert_eq!(PushJobKind::B.info().version, 1);
}
