//! A list needs a loop.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{items}}")]
struct Shipped {
    items: Vec<String>,
}

fn main() {}
