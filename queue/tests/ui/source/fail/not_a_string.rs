//! A text is a string.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = TEXT)]
struct Shipped {
    name: String,
}

fn main() {}
