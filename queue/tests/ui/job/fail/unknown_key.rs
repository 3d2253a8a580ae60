//! The keys that are known are listed.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(priorty = "high", retries = 3)]
    Greeting(Greeting),
}

fn main() {}
