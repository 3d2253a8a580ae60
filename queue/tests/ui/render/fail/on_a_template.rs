//! A render function to be written has a plain name.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{name}}", render = a::b)]
struct Shipped {
    name: String,
}

fn main() {}
