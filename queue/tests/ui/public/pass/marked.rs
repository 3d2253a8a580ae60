//! Only what is public is shown.

use queue::Payload;

#[derive(Payload)]
struct Note {
    #[payload(public)]
    level: u8,
    text: String,
}

fn main() {
    let note = Note {
        level: 1,
        text: "s3cret".into(),
    };
    assert_eq!(format!("{note:?}"), "Note { level: 1, text: [redacted] }");
}
