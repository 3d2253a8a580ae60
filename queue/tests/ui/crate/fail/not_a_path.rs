//! The crate is a path.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push, crate = "my queue")]
enum PushJob {
    Greeting(Greeting),
}

fn main() {}
