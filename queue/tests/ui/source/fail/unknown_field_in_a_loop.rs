//! A loop goes through the fields of its elements.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{#each items as |item|}}{{item.nmae}}{{/each}}")]
struct Shipped {
    items: Vec<Item>,
}

#[derive(serde::Serialize)]
struct Item {
    name: String,
    note: Option<String>,
}

fn main() {}
