//! A function that gives no payload.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use std::time::Duration;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(time_left = minutes)]
    Greeting(Greeting),
}

fn minutes(_: &Greeting, time_left: Duration) -> u64 {
    time_left.as_secs() / 60
}

fn main() {}
