//! A function of the payload and the time left; the other variants render as they are.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(expires_after = "10m", time_left = hurry)]
    Hurried(Greeting),
    Calm(Greeting),
}

static SECONDS_LEFT: AtomicU64 = AtomicU64::new(0);

fn hurry(greeting: &Greeting, time_left: Duration) -> Greeting {
    SECONDS_LEFT.store(time_left.as_secs(), Ordering::SeqCst);
    greeting.clone()
}

fn main() {
    let greeting = Greeting {
        recipient: String::new(),
        name: "Asha".into(),
    };
    let hurried = PushJob::Hurried(greeting.clone());
    assert!(hurried.render().is_ok() && hurried.render_within(None).is_ok());
    let left = |seconds| Some(Duration::from_secs(seconds));
    assert!(PushJob::Calm(greeting).render_within(left(9)).is_ok());
    assert_eq!(SECONDS_LEFT.load(Ordering::SeqCst), 0);
    assert!(hurried.render_within(left(7)).is_ok());
    assert_eq!(SECONDS_LEFT.load(Ordering::SeqCst), 7);
}
