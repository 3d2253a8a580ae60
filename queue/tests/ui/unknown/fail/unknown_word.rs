//! One of two words.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(unknown = "ignore")]
    Greeting(Greeting),
}

fn main() {}
