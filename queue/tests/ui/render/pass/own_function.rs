//! A function of one's own, and a name of one's own.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use queue::provider::RenderError;
use support::{Greeting, Push};

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(render = own::push)]
    Greeting(Greeting),
}

mod own {
    use super::*;

    pub fn push(_: &Greeting) -> Result<Push, RenderError> {
        Ok(Push)
    }
}

#[derive(queue::Template, serde::Serialize)]
#[template(source = "text", render = text_of)]
struct Text {}

fn main() {
    let greeting = Greeting {
        recipient: String::new(),
        name: String::new(),
    };
    assert!(PushJob::Greeting(greeting).render().is_ok());
    assert_eq!(text_of(&Text {}).unwrap(), "text");
}
