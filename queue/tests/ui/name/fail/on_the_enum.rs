//! A name is a variant's.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push, name = "push")]
enum PushJob {
    Greeting(Greeting),
}

fn main() {}
