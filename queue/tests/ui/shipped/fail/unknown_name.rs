//! A shipped text is one of ours.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(shipped = "sms/opt")]
struct Shipped {
    code: String,
    expiry_minutes: u8,
}

fn main() {}
