//! A function to a duration.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(expires_after = minutes)]
    Greeting(Greeting),
}

fn minutes(_: &Greeting) -> u64 {
    10
}

fn main() {}
