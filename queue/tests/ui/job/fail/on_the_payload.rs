//! The attribute belongs on the variant.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    Greeting(#[job(name = "hello")] Greeting),
}

fn main() {}
