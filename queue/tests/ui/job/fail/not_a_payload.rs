//! A payload says whether it holds a secret.

#[path = "../../support.rs"]
mod support;

use queue::Job;
use queue::provider::RenderError;
use support::Push;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    #[job(render = text)]
    Text(Text),
}

#[derive(Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Text {
    text: String,
}

fn text(_: &Text) -> Result<Push, RenderError> {
    Ok(Push)
}

fn main() {}
