//! One queue.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push, queue = "pull")]
enum PushJob {
    Greeting(Greeting),
}

fn main() {}
