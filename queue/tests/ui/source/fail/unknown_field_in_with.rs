//! `with` goes through the fields of an option.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{#with item as |i|}}{{i.nmae}}{{else}}none{{/with}}")]
struct Shipped {
    item: Option<Item>,
}

#[derive(serde::Serialize)]
struct Item {
    name: String,
    note: Option<String>,
}

fn main() {}
