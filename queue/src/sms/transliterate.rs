//! Text to the GSM 7-bit alphabet, as far as it goes without losing its meaning.

use super::gsm7;

/// `text` with typographic signs and accented Latin letters replaced by what the GSM 7-bit alphabet has.
///
/// Characters that it has no likeness of, such as emoji or Arabic letters, stay as they are.
pub(super) fn transliterate(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if gsm7::septets(character).is_some() {
            plain.push(character);
        } else {
            match likeness(character) {
                Some(likeness) => plain.push_str(likeness),
                None => plain.push(character),
            }
        }
    }
    plain
}

/// What stands for `character`; empty when it is invisible.
fn likeness(character: char) -> Option<&'static str> {
    let latin = u32::from(character)
        .checked_sub(0xC0)
        .and_then(|index| LATIN.get(index as usize));
    if let Some(&letters) = latin {
        return (!letters.is_empty()).then_some(letters);
    }
    Some(match character {
        '\t' | '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => " ",
        '\u{2028}' | '\u{2029}' | '\u{85}' => "\n",
        // Soft hyphen, zero width, direction marks, byte order mark, combining accents.
        '\u{AD}'
        | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'
        | '\u{2066}'..='\u{2069}'
        | '\u{FEFF}'
        | '\u{300}'..='\u{36F}' => "",
        '`' | '´' | '‘' | '’' | '‚' | '‛' | '′' | 'ʼ' | 'ʻ' | 'ʹ' => "'",
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' => "\"",
        '‹' => "<",
        '›' => ">",
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '⁃' => "-",
        '…' => "...",
        '•' | '·' | '‣' | '∙' => "*",
        '©' => "(c)",
        '®' => "(R)",
        '™' => "TM",
        '°' => " deg",
        '±' => "+/-",
        '²' => "2",
        '³' => "3",
        '¹' => "1",
        '¼' => "1/4",
        '½' => "1/2",
        '¾' => "3/4",
        'µ' => "u",
        '¦' => "|",
        '¢' => "c",
        'ª' => "a",
        'º' => "o",
        '№' => "No",
        '≤' => "<=",
        '≥' => ">=",
        '≠' => "!=",
        '→' => "->",
        '←' => "<-",
        'Ș' => "S",
        'ș' => "s",
        'Ț' => "T",
        'ț' => "t",
        'ẞ' => "SS",
        'ƒ' => "f",
        _ => return None,
    })
}

/// Latin-1 letters and Latin Extended-A, U+00C0 to U+017F; those that the alphabet has are never looked up.
const LATIN: [&str; 192] = [
    "A", "A", "A", "A", "", "", "", "", "E", "", "E", "E", "I", "I", "I", "I", // À..Ï
    "D", "", "O", "O", "O", "O", "", "x", "", "U", "U", "U", "", "Y", "Th", "", // Ð..ß
    "", "a", "a", "a", "", "", "", "c", "", "", "e", "e", "", "i", "i", "i", // à..ï
    "d", "", "", "o", "o", "o", "", "/", "", "", "u", "u", "", "y", "th", "y", // ð..ÿ
    "A", "a", "A", "a", "A", "a", "C", "c", "C", "c", "C", "c", "C", "c", "D", "d", // Ā..ď
    "D", "d", "E", "e", "E", "e", "E", "e", "E", "e", "E", "e", "G", "g", "G", "g", // Đ..ğ
    "G", "g", "G", "g", "H", "h", "H", "h", "I", "i", "I", "i", "I", "i", "I", "i", // Ġ..į
    "I", "i", "IJ", "ij", "J", "j", "K", "k", "k", "L", "l", "L", "l", "L", "l",
    "L", // İ..Ŀ
    "l", "L", "l", "N", "n", "N", "n", "N", "n", "'n", "N", "n", "O", "o", "O", "o", // ŀ..ŏ
    "O", "o", "OE", "oe", "R", "r", "R", "r", "R", "r", "S", "s", "S", "s", "S",
    "s", // Ő..ş
    "S", "s", "T", "t", "T", "t", "T", "t", "U", "u", "U", "u", "U", "u", "U", "u", // Š..ů
    "U", "u", "U", "u", "W", "w", "Y", "y", "Y", "Z", "z", "Z", "z", "Z", "z", "s", // Ű..ſ
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typography_and_accents_become_plain() {
        for (text, plain) in [
            ("“Karibu” – it’s `ready`…", "\"Karibu\" - it's 'ready'..."),
            (
                "façade Çelik Łódź Škoda œuvre",
                "facade Çelik Lodz Skoda oeuvre",
            ),
            ("a\tb\u{A0}c\u{200B}d", "a b cd"),
            ("e\u{301}te\u{301}", "ete"),
            ("été à Ñandú £5 €6", "été à Ñandu £5 €6"),
            ("21° ½", "21 deg 1/2"),
            ("ſĀŉŐŸ", "sA'nOY"),
        ] {
            assert_eq!(transliterate(text), plain, "{text}");
        }
    }

    #[test]
    fn what_has_no_likeness_stays() {
        assert_eq!(transliterate("habari 😀 سلام"), "habari 😀 سلام");
    }

    #[test]
    fn every_latin_letter_has_a_likeness_in_the_alphabet() {
        for character in '\u{C0}'..='\u{17F}' {
            let plain = transliterate(&character.to_string());
            assert!(!plain.is_empty());
            assert!(
                plain.chars().all(|c| gsm7::septets(c).is_some()),
                "{character}"
            );
        }
    }
}
