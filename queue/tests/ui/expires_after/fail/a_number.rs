//! A unit is needed.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(expires_after = 10)]
    Greeting(Greeting),
}

fn main() {}
