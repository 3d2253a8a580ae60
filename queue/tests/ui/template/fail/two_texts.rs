//! One text.

use queue::Template;

#[derive(Template, serde::Serialize)]
#[template(source = "{{name}}", shipped = "sms/otp")]
struct Shipped {
    name: String,
}

fn main() {}
