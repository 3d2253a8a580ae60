//! A placeholder names a field.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "Hello {{nmae}}!")]
struct Shipped {
    name: String,
}

fn main() {}
