//! A name is plain.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "SMS queue", message = Push)]
enum PushJob {
    Greeting(Greeting),
}

fn main() {}
