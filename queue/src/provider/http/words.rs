//! A server's own words, made safe to keep.

use std::collections::HashSet;

/// Shortest part of a secret that is hidden by itself, in bytes: servers tell a wrong key by its beginning.
const PART_BYTES: usize = 4;
/// Longest word that is kept, in bytes: keys and tokens are longer.
const WORD_BYTES_MAX: usize = 20;
/// Most words that are kept.
const WORDS_MAX: usize = 12;

/// A description without what might be private: words with digits, which may be numbers or codes; long words, which may
/// be keys; words of our `texts`, which a server may repeat; and whatever holds one of our `secrets`, or a part of one.
pub(crate) fn safe<'a>(
    description: &str,
    texts: impl Iterator<Item = &'a str>,
    secrets: &[&str],
) -> String {
    let private: HashSet<String> = texts.flat_map(pieces).collect();
    let secrets: Vec<String> = (secrets.iter())
        .flat_map(|secret| secret.split_whitespace())
        .map(str::to_lowercase)
        .collect();
    let is_secret = |word: &str| {
        let word = word.to_lowercase();
        (secrets.iter()).any(|secret| {
            word.contains(secret.as_str())
                || pieces(&word).any(|piece| piece.len() >= PART_BYTES && secret.contains(&piece))
        })
    };
    let hidden = |word: &str| {
        let hidden = word.contains(char::is_numeric)
            || word.len() > WORD_BYTES_MAX
            || pieces(word).any(|piece| private.contains(&piece))
            || is_secret(word);
        if hidden { "…" } else { word }.to_owned()
    };
    let words: Vec<String> = description
        .split_whitespace()
        .take(WORDS_MAX)
        .map(hidden)
        .collect();
    words.join(" ")
}

/// What of a text is letters and digits, in lower case.
fn pieces(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|piece| !piece.is_empty())
        .map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_however_they_are_repeated() {
        let safe = |words: &str| safe(words, ["Karibu Asha!"].into_iter(), &["OpenSesame", "ours"]);
        for (said, kept) in [
            ("bad key OpenSesame", "bad key …"),
            ("key=opensesame, id:OURS; retry", "… … retry"),
            ("key Open... refused", "key … refused"),
            ("for asha/254 and name=Asha", "for … and …"),
            ("to ٢٥٤٧١٢٣ now", "to … now"),
            ("an error, try later", "an error, try later"),
        ] {
            assert_eq!(safe(said), kept);
        }
    }
}
