//! The marked field comes before the one of that name.

use queue::job::Addressed;
use queue::{Payload, Template};

#[derive(Template, serde::Serialize)]
#[template(source = "{{name}}")]
struct Shipped {
    #[template(recipient)]
    phone: u32,
    recipient: String,
    name: String,
}

#[derive(Payload)]
struct Note {
    #[payload(recipient)]
    to: u8,
}

fn main() {
    let shipped = Shipped {
        phone: 7,
        recipient: "a".into(),
        name: "b".into(),
    };
    assert_eq!((*shipped.recipient(), *Note { to: 1 }.recipient()), (7, 1));
}
