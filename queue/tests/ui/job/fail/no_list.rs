//! The attribute has a list.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job]
    Greeting(Greeting),
}

fn main() {}
