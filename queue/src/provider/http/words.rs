//! A server's own words, made safe to keep.

use std::collections::HashSet;

/// A description without what might be a number, a key or a code (words with digits, long words), or may have been
/// repeated from a text.
pub(crate) fn safe<'a>(description: &str, texts: impl Iterator<Item = &'a str>) -> String {
    let bare = |word: &str| {
        word.trim_matches(|c: char| !c.is_alphanumeric())
            .to_lowercase()
    };
    let private: HashSet<String> = texts.flat_map(str::split_whitespace).map(bare).collect();
    let hidden = |word: &str| {
        let hidden = word.bytes().any(|byte| byte.is_ascii_digit())
            || word.len() > 20
            || private.contains(&bare(word));
        if hidden { "…" } else { word }.to_owned()
    };
    let words: Vec<String> = description
        .split_whitespace()
        .take(12)
        .map(hidden)
        .collect();
    words.join(" ")
}
