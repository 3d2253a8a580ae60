//! The render function, and what a payload is.

use queue::Template;
use queue::job::{Addressed, Payload};

#[derive(Template, serde::Serialize)]
#[template(source = "Hello {{name}}!")]
struct Shipped {
    recipient: String,
    name: String,
}

fn main() {
    let shipped = Shipped {
        recipient: "a".into(),
        name: "b".into(),
    };
    assert_eq!(render_shipped(&shipped).unwrap(), "Hello b!");
    assert_eq!(shipped.recipient(), "a");
    assert!(!Shipped::SECRET);
}
