//! `type` is the tag.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{name}}")]
struct Shipped {
    name: String,
    r#type: u8,
    #[serde(rename = "type")]
    sort: u8,
}

fn main() {}
