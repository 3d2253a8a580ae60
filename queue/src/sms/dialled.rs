//! [`Dialled`]: what somebody writes as a phone number, reduced to what would be dialled.

use super::{PHONE_NUMBER_CHARS_MAX, PhoneNumberError, Region};

/// What somebody dials: the digits of a text, and whether a `+` came first.
pub(super) struct Dialled {
    plus: bool,
    digits: [u8; PHONE_NUMBER_CHARS_MAX],
    length: usize,
}

impl Dialled {
    pub(super) fn read(text: &str) -> Result<Self, PhoneNumberError> {
        // Cheap bound first: no text of 64 characters has more than 256 bytes.
        if text.len() > 4 * PHONE_NUMBER_CHARS_MAX || text.chars().count() > PHONE_NUMBER_CHARS_MAX
        {
            return Err(PhoneNumberError::TooLong);
        }
        let text = text.trim_matches(is_filler);
        let text = match text.get(..4) {
            Some(scheme) if scheme.eq_ignore_ascii_case("tel:") => &text[4..],
            _ => text,
        };
        let mut dialled = Self {
            plus: false,
            digits: [0; PHONE_NUMBER_CHARS_MAX],
            length: 0,
        };
        for character in text.chars() {
            match character {
                '0'..='9' => {
                    dialled.digits[dialled.length] = character as u8;
                    dialled.length += 1;
                }
                '+' if dialled.length == 0 && !dialled.plus => dialled.plus = true,
                '-' | '.' | '/' | '(' | ')' | '\u{2010}'..='\u{2012}' => {}
                filler if is_filler(filler) => {}
                _ => return Err(PhoneNumberError::Character),
            }
        }
        match dialled.length {
            0 => Err(PhoneNumberError::Empty),
            _ => Ok(dialled),
        }
    }

    pub(super) fn digits(&self) -> &str {
        std::str::from_utf8(&self.digits[..self.length]).expect("only ASCII digits are kept")
    }

    /// The digits from the country code on, when the text says that there is one.
    pub(super) fn international(&self, region: Region) -> Option<&str> {
        let digits = self.digits();
        if self.plus {
            return Some(digits);
        }
        // `00` is what people write everywhere; Kenya itself dials `000`, and its plan knows only that.
        let kenyan = (region == Region::KE).then(|| digits.strip_prefix("000"));
        kenyan.flatten().or_else(|| digits.strip_prefix("00"))
    }

    /// The way of nearly every number: a Kenyan mobile number, without an allocation.
    ///
    /// Only the ranges that are assigned whole; the test `the_short_way_agrees_with_the_numbering_plan` holds them
    /// against the metadata.
    pub(super) fn kenyan_mobile(&self, region: Region) -> Option<[u8; 13]> {
        let digits = self.digits();
        let national = match self.international(region) {
            Some(international) => international.strip_prefix("254")?,
            None if region != Region::KE => return None,
            None if digits.len() == 12 => digits.strip_prefix("254")?,
            None if digits.len() == 10 => digits.strip_prefix('0')?,
            None => digits,
        };
        let assigned = match national.as_bytes() {
            [b'7', ..] => true,
            [b'1', b'0', third, ..] => *third <= b'8',
            [b'1', b'1', ..] => true,
            _ => false,
        };
        if national.len() != 9 || !assigned {
            return None;
        }
        let mut e164 = *b"+254.........";
        e164[4..].copy_from_slice(national.as_bytes());
        Some(e164)
    }
}

/// Spaces, also those that address books paste, and their invisible direction marks.
fn is_filler(character: char) -> bool {
    matches!(
        character,
        ' ' | '\t' | '\u{A0}' | '\u{2007}' | '\u{2009}' | '\u{202F}' | '\u{200E}' | '\u{200F}'
            | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
    )
}
