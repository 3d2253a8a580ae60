//! The file is there.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(path = "sms/nothing.hbs")]
struct Shipped {
    name: String,
}

fn main() {}
