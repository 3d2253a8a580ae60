//! A block that opens what may be missing needs an `else`.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{#each items as |item|}}{{#with item.note as |n|}}{{n}}{{/with}}{{/each}}")]
struct Shipped {
    items: Vec<Item>,
}

#[derive(serde::Serialize)]
struct Item {
    name: String,
    note: Option<String>,
}

fn main() {}
