//! The generated name is taken.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{name}}")]
struct Shipped {
    name: String,
}

fn render_shipped() {}

fn main() {}
