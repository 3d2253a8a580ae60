//! A crate that hands `queue` on.

#[path = "../../support.rs"]
mod support;

use facade::queue::Job;
use support::*;

mod facade {
    pub use ::queue;
}

#[derive(facade::queue::Payload)]
#[payload(crate = "facade::queue")]
struct Nothing {}

#[derive(facade::queue::Template, serde::Serialize)]
#[template(source = "text", crate = "crate::facade::queue")]
struct Text {}

#[derive(Job)]
#[job(queue = "push", message = Push, crate = "crate::facade::queue")]
enum PushJob {
    Greeting(Greeting),
}

fn main() {
    assert_eq!(PushJob::QUEUE, "push");
    assert_eq!(render_text(&Text {}).unwrap(), "text");
    assert_eq!(format!("{:?}", Nothing {}), "Nothing");
}
