//! One of four words.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(priority = "hihg")]
    Greeting(Greeting),
}

fn main() {}
