//! A loop needs a list.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{#each name as |c|}}{{c}}{{/each}}")]
struct Shipped {
    name: String,
}

fn main() {}
