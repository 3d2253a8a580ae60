//! A path goes through the fields of other structs.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{item.nmae}}")]
struct Shipped {
    item: Item,
}

#[derive(serde::Serialize)]
struct Item {
    name: String,
    note: Option<String>,
}

fn main() {}
