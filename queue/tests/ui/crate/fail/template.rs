//! The crate is a path, for templates too.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{name}}", crate = 7)]
struct Shipped {
    name: String,
}

fn main() {}
