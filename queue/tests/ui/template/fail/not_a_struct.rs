//! A payload is a struct.

use queue::Template;

#[derive(Template)]
#[template(source = "text")]
enum Shipped {
    A,
}

fn main() {}
