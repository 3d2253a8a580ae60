//! A transparent struct has no fields.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{name}}")]
#[serde(transparent)]
struct Shipped {
    name: String,
}

fn main() {}
