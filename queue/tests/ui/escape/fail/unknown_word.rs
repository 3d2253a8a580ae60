//! One of two words.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{name}}", escape = "xml")]
struct Shipped {
    name: String,
}

fn main() {}
