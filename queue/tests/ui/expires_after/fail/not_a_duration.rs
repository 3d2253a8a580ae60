//! A number and a unit.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(expires_after = "10 minutes")]
    Greeting(Greeting),
}

fn main() {}
