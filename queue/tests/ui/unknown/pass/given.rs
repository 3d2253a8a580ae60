//! Every word.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(unknown = "retry")]
    A(Greeting),
    #[job(unknown = "stop")]
    B(Greeting),
    #[job(unknown = "ask")]
    C(Greeting),
}

fn main() {
    assert_eq!(PushJobKind::A.info().unknown.as_str(), "retry");
    assert_eq!(PushJobKind::B.info().unknown.as_str(), "stop");
    assert_eq!(PushJobKind::C.info().unknown.as_str(), "ask");
}
