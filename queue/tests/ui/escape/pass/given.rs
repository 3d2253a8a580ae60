//! HTML where it is asked for.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{name}}", escape = "html")]
struct Shipped {
    name: String,
}

fn main() {
    assert_eq!(
        render_shipped(&Shipped { name: "<".into() }).unwrap(),
        "&lt;"
    );
}
