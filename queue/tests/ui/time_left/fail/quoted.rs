//! A path in quotes.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(time_left = "minutes")]
    Greeting(Greeting),
}

fn main() {}
