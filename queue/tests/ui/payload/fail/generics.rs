//! A stored job owns its data.

use queue::Payload;

#[derive(Payload)]
struct Note<'a> {
    text: &'a str,
}

fn main() {}
