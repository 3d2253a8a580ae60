//! All the characters a name may have.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "a-z_09", message = Push)]
enum PushJob {
    Greeting(Greeting),
}

fn main() {
    assert_eq!(PushJob::QUEUE, "a-z_09");
}
