//! Two kinds of one name: both places are shown.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    Greeting(Greeting),
    #[job(name = "greeting")]
    Hello(Greeting),
}

fn main() {}
