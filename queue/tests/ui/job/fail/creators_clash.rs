//! Two variants whose creators would have one name.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(name = "one")]
    HelloThere(Greeting),
    #[job(name = "two")]
    Hello_There(Greeting),
}

fn main() {}
