//! Nothing is older than version 1.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(upcast = upcast)]
    Greeting(Greeting),
}

fn main() {}
