//! Jobs render to a message.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push")]
enum PushJob {
    Greeting(Greeting),
}

fn main() {}
