//! A struct is not an enum of jobs.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::Push;

#[derive(Job)]
#[job(queue = "push", message = Push)]
struct PushJob {
    name: String,
}

fn main() {}
