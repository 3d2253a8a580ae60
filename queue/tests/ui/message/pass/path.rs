//! A type may be a path.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = support::Push)]
enum PushJob {
    Greeting(Greeting),
}

fn main() {
    let _ = std::any::type_name::<<PushJob as Job>::Message>();
}
