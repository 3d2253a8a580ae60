//! A result becomes the message.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use queue::provider::RenderError;
use support::{Greeting, Push};

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(render = number)]
    Greeting(Greeting),
}

fn number(_: &Greeting) -> Result<u8, RenderError> {
    Ok(7)
}

fn main() {}
