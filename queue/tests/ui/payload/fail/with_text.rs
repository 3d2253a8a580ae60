//! A payload has no text.

use queue::Payload;

#[derive(Payload)]
#[payload(source = "text")]
struct Note {}

fn main() {}
