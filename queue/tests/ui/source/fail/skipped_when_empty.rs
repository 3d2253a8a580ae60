//! What is skipped may be missing.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{note}}")]
struct Shipped {
    #[serde(skip_serializing_if = "String::is_empty")]
    note: String,
}

fn main() {}
