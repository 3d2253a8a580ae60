//! The default is the function that `Template` writes beside the payload.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::{Greeting, Push};

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    Greeting(Greeting),
}

fn main() {}
