//! What the compiler says of the derives: a pass file for each attribute, a fail file for each misuse.
//!
//! The messages are those of one compiler, so the checks run this with a pinned one. To accept new messages:
//! `TRYBUILD=overwrite cargo test -p queue --no-default-features --test ui`.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::PathBuf;

/// Where the compiler lists the implementations of a trait, and channels add some: tested without channels only.
const LISTS_IMPLEMENTATIONS: [&str; 4] = [
    "job/fail/not_a_payload.rs",
    "message/fail/not_a_message.rs",
    "recipient/fail/missing.rs",
    "render/fail/wrong_result.rs",
];

#[test]
fn derives_accept_what_is_right_and_explain_what_is_wrong() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/*/pass/*.rs");
    for path in misuses() {
        let is_open = LISTS_IMPLEMENTATIONS.iter().any(|end| path.ends_with(end));
        if !(is_open && cfg!(feature = "sms")) {
            cases.compile_fail(path);
        }
    }
}

/// `tests/ui/*/fail/*.rs`.
fn misuses() -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for attribute in std::fs::read_dir("tests/ui").unwrap() {
        let Ok(files) = std::fs::read_dir(attribute.unwrap().path().join("fail")) else {
            continue;
        };
        let files = files.map(|file| file.unwrap().path());
        paths.extend(files.filter(|path| path.extension().is_some_and(|end| end == "rs")));
    }
    paths.sort();
    paths
}
