//! A variant carries one payload.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    Greeting(Greeting),
    Both(Greeting, Greeting),
}

fn main() {}
