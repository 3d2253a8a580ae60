//! One of three words.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(unknown = "asks")]
    Greeting(Greeting),
}

fn main() {}
