//! `Debug` is generated, so that it redacts.

use queue::Template;

#[derive(Debug, Template, serde::Serialize)]
#[template(source = "{{name}}")]
struct Shipped {
    name: String,
}

fn main() {}
