//! A secret is known and not shown.

use queue::Payload;
use queue::job::Payload as _;

#[derive(Payload)]
struct Note {
    #[payload(secret)]
    pin: u16,
}

fn main() {
    assert!(Note::SECRET && !Note::REQUIRES_EXPIRY);
    assert_eq!(
        format!("{:?}", Note { pin: 1234 }),
        "Note { pin: [redacted] }"
    );
}
