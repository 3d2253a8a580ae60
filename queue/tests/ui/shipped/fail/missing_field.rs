//! A shipped text has its fields.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(shipped = "sms/otp")]
struct Shipped {
    code: String,
}

fn main() {}
