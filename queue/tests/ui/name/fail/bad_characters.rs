//! A wire name is plain.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(name = "Hello-there")]
    Greeting(Greeting),
}

fn main() {}
