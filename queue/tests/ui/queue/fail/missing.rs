//! A queue has a name.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::{Greeting, Push};

#[derive(Job)]
#[job(message = Push)]
enum PushJob {
    Greeting(Greeting),
}

fn main() {}
