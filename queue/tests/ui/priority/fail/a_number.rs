//! A word, not a number.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(priority = 1)]
    Greeting(Greeting),
}

fn main() {}
