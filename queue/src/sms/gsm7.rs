//! The GSM 7-bit default alphabet (3GPP TS 23.038, 6.2.1): which characters it has, and how many septets each takes.

/// The basic table by code, from 0x00. 0x1B is the escape to the extension table, no character.
const BASIC: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', //
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\x1B', 'Æ', 'æ', 'ß', 'É', //
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', //
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// The extension table: each takes two septets. The form feed (0x0A) belongs to it too, but a text has none.
const EXTENSION: [char; 9] = ['^', '{', '}', '\\', '[', '~', ']', '|', '€'];

/// For ASCII, by code: 0 outside the alphabet, otherwise the septets.
const ASCII: [u8; 128] = ascii_septets();

/// How many septets `character` takes; `None` when the alphabet does not have it.
pub(super) fn septets(character: char) -> Option<usize> {
    if character.is_ascii() {
        return match ASCII[character as usize] {
            0 => None,
            septets => Some(usize::from(septets)),
        };
    }
    if BASIC.contains(&character) {
        return Some(1);
    }
    EXTENSION.contains(&character).then_some(2)
}

const fn ascii_septets() -> [u8; 128] {
    let mut table = [0; 128];
    let mut code = 0;
    while code < BASIC.len() {
        let character = BASIC[code] as usize;
        if character < 128 && character != 0x1B {
            table[character] = 1;
        }
        code += 1;
    }
    let mut index = 0;
    while index < EXTENSION.len() {
        let character = EXTENSION[index] as usize;
        if character < 128 {
            table[character] = 2;
        }
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use gsm7::Gsm7Writer;

    use super::*;

    /// What the `gsm7` crate makes of it: septets from the bits it wrote.
    fn peer(character: char) -> Option<usize> {
        // Eight times, so that the bits fill whole bytes.
        let mut writer = Gsm7Writer::new(Vec::new());
        for _ in 0..8 {
            writer.write_char(character).ok()?;
        }
        Some(writer.into_writer().ok()?.len() / 7)
    }

    #[test]
    fn every_character_agrees_with_the_gsm7_crate() {
        for character in '\0'..=char::MAX {
            // A form feed and the escape are in the standard's table, but in no text of ours.
            if matches!(character, '\x0C' | '\x1B') {
                assert_eq!(septets(character), None);
                continue;
            }
            assert_eq!(septets(character), peer(character), "{character:?}");
        }
    }

    #[test]
    fn the_alphabet_has_127_characters_and_9_extensions() {
        let (mut one, mut two) = (0, 0);
        for character in '\0'..='\u{FFFF}' {
            match septets(character) {
                Some(1) => one += 1,
                Some(2) => two += 1,
                _ => {}
            }
        }
        assert_eq!((one, two), (127, 9));
    }
}
