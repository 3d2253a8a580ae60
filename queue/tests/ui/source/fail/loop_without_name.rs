//! A loop names its elements.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{#each items}}{{name}}{{/each}}")]
struct Shipped {
    items: Vec<String>,
}

fn main() {}
