//! A message is a `Message`.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use queue::provider::RenderError;
use support::Greeting;

#[derive(Job)]
#[job(queue = "push", message = Text)]
enum PushJob {
    #[job(render = text)]
    Greeting(Greeting),
}

struct Text;

fn text(_: &Greeting) -> Result<Text, RenderError> {
    Ok(Text)
}

fn main() {}
