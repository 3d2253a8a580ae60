//! A flag has no value.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{name}}")]
struct Shipped {
    #[template(secret = true)]
    name: String,
}

fn main() {}
