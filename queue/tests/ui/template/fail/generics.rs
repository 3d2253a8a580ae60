//! A stored job names its types.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{name}}")]
struct Shipped<T> {
    name: T,
}

fn main() {}
