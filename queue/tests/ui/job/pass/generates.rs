//! Creators, kinds, codec, schema, debug.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    Greeting(Greeting),
}

fn main() {
    let _ = create_greeting_push_job;
    assert_eq!(PushJobKind::ALL, [PushJobKind::Greeting]);
    assert_eq!(PushJob::schema().to_value()["title"], "PushJob");
}
