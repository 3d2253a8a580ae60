//! A wire name is short.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(name = "a123456789_123456789_123456789_123456789_123456789_123456789_12345")]
    Greeting(Greeting),
}

fn main() {}
