//! The queue is the enum's.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(queue = "push")]
    Greeting(Greeting),
}

fn main() {}
