//! A renamed field has its new name.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{user_name}}")]
#[serde(rename_all = "camelCase")]
struct Shipped {
    user_name: String,
}

fn main() {}
