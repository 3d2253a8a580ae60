//! The generated names are taken.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    Greeting(Greeting),
}

enum PushJobKind {}

fn main() {}
