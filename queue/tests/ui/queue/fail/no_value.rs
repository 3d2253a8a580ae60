//! A name is given.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue, message = Push)]
enum PushJob {
    Greeting(Greeting),
}

fn main() {}
