//! A recipient is a field.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{name}}")]
#[template(recipient)]
struct Shipped {
    name: String,
}

fn main() {}
