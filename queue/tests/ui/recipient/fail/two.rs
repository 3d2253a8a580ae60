//! One recipient.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{name}}")]
struct Shipped {
    #[template(recipient)]
    name: String,
    #[template(recipient)]
    phone: String,
}

fn main() {}
