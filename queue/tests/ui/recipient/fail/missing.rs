//! A text needs a recipient to become a message.

#[path = "../../support.rs"]
mod support;

use queue::{Job, Template};
use support::Push;

#[derive(Job)]
#[job(queue = "push", message = Push)]
enum PushJob {
    Shipped(Shipped),
}

#[derive(Template, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[template(source = "{{name}}")]
struct Shipped {
    name: String,
}

fn main() {}
