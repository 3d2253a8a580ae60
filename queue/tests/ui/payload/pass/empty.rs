//! A payload of nothing.

use queue::Payload;
use queue::job::Payload as _;

#[derive(Payload)]
struct Note {}

fn main() {
    assert!(!Note::SECRET);
    assert_eq!(format!("{:?}", Note {}), "Note");
}
