//! A function is written without quotes.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(render = "render_greeting")]
    Greeting(Greeting),
}

fn main() {}
