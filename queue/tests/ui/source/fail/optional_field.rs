//! What may be missing needs a condition.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{note}}")]
struct Shipped {
    note: Option<String>,
}

fn main() {}
