//! A variant carries a payload.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    Greeting(Greeting),
    Ping,
}

fn main() {}
