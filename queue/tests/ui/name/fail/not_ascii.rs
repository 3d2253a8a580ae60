//! A variant whose own name is no wire name.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    Größe(Greeting),
}

fn main() {}
