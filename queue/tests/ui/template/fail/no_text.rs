//! A template says something.

use queue::Template;

#[derive(Template, serde::Serialize)]
struct Shipped {
    name: String,
}

fn main() {}
