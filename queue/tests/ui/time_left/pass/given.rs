//! A function of the payload and the time left; the other variants render as they are.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use std::time::Duration;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(expires_after = "10m", time_left = hurry)]
    Hurried(Greeting),
    Calm(Greeting),
}

fn hurry(greeting: &Greeting, time_left: Duration) -> Greeting {
    Greeting {
        name: format!("{}, {} s left", greeting.name, time_left.as_secs()),
        ..greeting.clone()
    }
}

fn main() {
    let greeting = Greeting {
        recipient: String::new(),
        name: "Asha".into(),
    };
    let left = Some(Duration::from_secs(7));
    let hurried = PushJob::Hurried(greeting.clone());
    assert!(hurried.render_within(left).unwrap() != hurried.render().unwrap());
    assert!(hurried.render_within(None).unwrap() == hurried.render().unwrap());
    let calm = PushJob::Calm(greeting);
    assert!(calm.render_within(left).unwrap() == calm.render().unwrap());
}
