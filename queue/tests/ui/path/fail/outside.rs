//! The file is in the folder.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(path = "../secret.hbs")]
struct Shipped {
    name: String,
}

fn main() {}
