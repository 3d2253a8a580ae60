//! A one-time code in a payload in a list expires too.

#[path = "../../support.rs"]
mod support;

use queue::provider::RenderError;
use queue::{Job, Payload};
use support::{Code, Push};

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(render = codes)]
    Codes(Codes),
}

#[derive(Payload, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Codes {
    codes: Vec<Part>,
}

#[derive(Payload, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Part {
    code: Option<Code>,
}

fn codes(_: &Codes) -> Result<Push, RenderError> {
    Ok(Push)
}

fn main() {}
