//! A text is a template.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{#if name}}Hello")]
struct Shipped {
    name: String,
}

fn main() {}
