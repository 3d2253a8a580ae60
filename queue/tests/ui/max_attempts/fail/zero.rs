//! At least one attempt.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(max_attempts = 0)]
    Greeting(Greeting),
}

fn main() {}
