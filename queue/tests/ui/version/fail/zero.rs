//! Versions count from 1.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(version = 0)]
    Greeting(Greeting),
}

fn main() {}
