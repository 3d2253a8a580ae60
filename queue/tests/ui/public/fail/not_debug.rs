//! What is shown can be shown.

use queue::Payload;

#[derive(Payload)]
struct Note {
    #[payload(public)]
    level: Level,
}

struct Level;

fn main() {}
