//! A payload is serialized.

use queue::Template;

#[derive(Template)]
#[template(source = "{{name}}")]
struct Shipped {
    name: String,
}

fn main() {}
