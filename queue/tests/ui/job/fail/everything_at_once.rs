//! Every mistake is reported in one go, and nothing else.

#[path = "../../support.rs"]
mod support;

use queue::{Job, Queue};
use support::*;

#[derive(Job)]
#[job(queue = "Push!")]
enum PushJob {
    #[job(priority = "urgent", max_attempts = 0)]
    Greeting(Greeting),
    Ping,
    #[job(name = "greeting", expires_after = "soon")]
    Again(Greeting),
}

// What uses the enum is not reported as well.
fn enqueue(queue: &Queue<PushJob>, greeting: Greeting) {
    let _ = create_greeting_push_job(queue, greeting);
    let _ = PushJobKind::Again.name();
    let _: &dyn std::fmt::Debug = &PushJob::Ping;
}

fn main() {}
