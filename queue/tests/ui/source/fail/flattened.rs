//! A flattened field has no name.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{rest}}")]
struct Shipped {
    #[serde(flatten)]
    rest: Rest,
}

#[derive(serde::Serialize)]
struct Rest {
    a: u8,
}

fn main() {}
