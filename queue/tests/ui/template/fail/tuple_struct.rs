//! Fields have names.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{name}}")]
struct Shipped(String);

fn main() {}
