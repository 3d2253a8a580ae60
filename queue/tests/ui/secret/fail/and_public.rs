//! Not both.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{name}}")]
struct Shipped {
    #[template(secret, public)]
    name: String,
}

fn main() {}
