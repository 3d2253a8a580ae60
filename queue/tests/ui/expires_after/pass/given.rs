//! A literal, or a function of the payload.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use std::time::Duration;
use support::*;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(expires_after = "10m")]
    Literal(Otp),
    #[job(expires_after = hour)]
    Function(Otp),
}

fn hour(_: &Otp) -> Duration {
    Duration::from_secs(3600)
}

fn main() {
    let otp = Otp {
        recipient: String::new(),
        code: support::Code(String::new()),
    };
    assert_eq!(
        PushJob::Literal(otp.clone()).expires_after(),
        Some(Duration::from_secs(600))
    );
    assert_eq!(
        PushJob::Function(otp).expires_after(),
        Some(Duration::from_secs(3600))
    );
    assert!(PushJobKind::Literal.info().secret);
}
