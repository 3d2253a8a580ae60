//! Every problem is reported, with line and column.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{nmae}}\n{{> footer}}\n{{#if vip}}{{log name}}{{/if}}")]
struct Shipped {
    name: String,
    vip: bool,
}

fn main() {}
