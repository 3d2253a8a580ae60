//! A function from an older payload to a newer one.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(version = 2, upcast = upcast)]
    Greeting(Greeting),
}

fn upcast(version: u16) -> u16 {
    version
}

fn main() {}
