//! A payload is a struct.

use queue::Payload;

#[derive(Payload)]
enum Note {
    A,
}

fn main() {}
