//! The keys that are known are listed.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{name}}", file = "a.hbs", recipient)]
struct Shipped {
    name: String,
}

fn main() {}
