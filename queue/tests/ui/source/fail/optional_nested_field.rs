//! What may be missing needs a condition, also in other structs.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{#each items as |item|}}{{item.note}}{{/each}}")]
struct Shipped {
    items: Vec<Item>,
}

#[derive(serde::Serialize)]
struct Item {
    name: String,
    note: Option<String>,
}

fn main() {}
