//! The name stays when the variant is renamed.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(name = "greeting")]
    Hello(Greeting),
}

fn main() {
    assert_eq!(PushJobKind::Hello.name(), "greeting");
}
