//! [`SmsText`]: what an SMS says, and how many segments that takes.

use std::fmt;

use super::{gsm7, transliterate};

/// Most segments of one text, unless told otherwise: 1530 characters of the GSM 7-bit alphabet. Each segment is billed.
pub const SEGMENTS_MAX: u16 = 10;

/// How the characters of an SMS travel (3GPP TS 23.038 and 23.040).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// The GSM 7-bit alphabet: 160 septets alone, 153 in each of several parts.
    Gsm7,
    /// UTF-16: 70 units alone, 67 in each of several parts.
    Ucs2,
}

impl Encoding {
    /// How much one part holds, in septets or UTF-16 units, when there is only one.
    pub const fn units_alone(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// How much each of several parts holds, in septets or UTF-16 units; the rest is the header that joins them.
    pub const fn units_joined(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }

    fn of(text: &str) -> Self {
        match text.chars().all(|c| gsm7::septets(c).is_some()) {
            true => Self::Gsm7,
            false => Self::Ucs2,
        }
    }

    fn units(self, character: char) -> usize {
        match self {
            Self::Gsm7 => gsm7::septets(character).unwrap_or(2),
            Self::Ucs2 => character.len_utf16(),
        }
    }
}

/// What a provider does with a text outside the GSM 7-bit alphabet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TextPolicy {
    /// Replace what has a likeness in the alphabet, and refuse the message when something is left.
    #[default]
    Transliterate,
    /// Refuse the message.
    Refuse,
    /// Send it as it is.
    Allow,
}

/// What an SMS says: not empty, no control characters but line feed, carriage return and tab, not too many segments.
///
/// `Debug` shows its size, not its words.
///
/// # Examples
/// ```
/// use queue::sms::{Encoding, SmsText};
///
/// let text = SmsText::new("Karibu – your code is 1234")?;
/// assert_eq!(text.encoding(), Encoding::Ucs2); // the long dash
/// assert_eq!(text.transliterated().as_str(), "Karibu - your code is 1234");
/// # Ok::<(), queue::sms::SmsTextError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SmsText {
    text: String,
    encoding: Encoding,
    segments: u16,
}

impl SmsText {
    /// A text of at most [`SEGMENTS_MAX`] segments.
    ///
    /// # Errors
    /// [`SmsTextError`]; it never quotes the text.
    pub fn new(text: impl Into<String>) -> Result<Self, SmsTextError> {
        Self::with_limit(text, SEGMENTS_MAX)
    }

    /// A text of at most `limit` segments.
    ///
    /// # Errors
    /// [`SmsTextError`]; it never quotes the text.
    pub fn with_limit(text: impl Into<String>, limit: u16) -> Result<Self, SmsTextError> {
        let text = text.into();
        if text.trim().is_empty() {
            return Err(SmsTextError::Empty);
        }
        if text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        {
            return Err(SmsTextError::ControlCharacter);
        }
        let text = Self::measured(text);
        match text.segments > limit {
            true => Err(SmsTextError::TooLong {
                segments: text.segments,
                limit,
            }),
            false => Ok(text),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How it travels.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// How many segments it takes; each is billed.
    pub fn segments(&self) -> u16 {
        self.segments
    }

    /// Its length in septets ([`Encoding::Gsm7`]) or UTF-16 units ([`Encoding::Ucs2`]).
    pub fn units(&self) -> usize {
        self.text.chars().map(|c| self.encoding.units(c)).sum()
    }

    /// The parts in which it travels, one for each segment. No character is split.
    pub fn parts(&self) -> Vec<&str> {
        split(&self.text, self.encoding)
    }

    /// The text with typographic signs, spaces and accented Latin letters replaced by what the GSM 7-bit alphabet has.
    ///
    /// Characters without a likeness stay, and with them the encoding; and a text of nothing else is left alone. A
    /// likeness may be longer than the sign, so a text of many `…` may take more segments than before.
    #[must_use]
    pub fn transliterated(&self) -> Self {
        if self.encoding == Encoding::Gsm7 {
            return self.clone();
        }
        let plain = transliterate::transliterate(&self.text);
        match plain.trim().is_empty() {
            true => self.clone(),
            false => Self::measured(plain),
        }
    }

    /// The text as `policy` wants it; `None` when it refuses the text.
    #[must_use]
    pub fn under(&self, policy: TextPolicy) -> Option<Self> {
        match policy {
            TextPolicy::Allow => Some(self.clone()),
            TextPolicy::Refuse => (self.encoding == Encoding::Gsm7).then(|| self.clone()),
            TextPolicy::Transliterate => {
                Some(self.transliterated()).filter(|text| text.encoding == Encoding::Gsm7)
            }
        }
    }

    fn measured(text: String) -> Self {
        let encoding = Encoding::of(&text);
        let parts = split(&text, encoding).len();
        Self {
            segments: u16::try_from(parts).unwrap_or(u16::MAX),
            encoding,
            text,
        }
    }
}

/// Fills one part after the other. A character of two units (an escape pair, a surrogate pair) that would straddle a
/// boundary goes whole into the next part, so a part may hold one unit less than it could.
fn split(text: &str, encoding: Encoding) -> Vec<&str> {
    let units: usize = text.chars().map(|c| encoding.units(c)).sum();
    if units <= encoding.units_alone() {
        return vec![text];
    }
    let mut parts = Vec::with_capacity(units / encoding.units_joined() + 1);
    let (mut start, mut filled) = (0, 0);
    for (index, character) in text.char_indices() {
        let units = encoding.units(character);
        if filled + units > encoding.units_joined() {
            parts.push(&text[start..index]);
            (start, filled) = (index, 0);
        }
        filled += units;
    }
    parts.push(&text[start..]);
    parts
}

impl fmt::Debug for SmsText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsText")
            .field("encoding", &self.encoding)
            .field("segments", &self.segments)
            .finish_non_exhaustive()
    }
}

/// A text that can't be an SMS. Never quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SmsTextError {
    /// There is nothing but white space.
    #[error("the text is empty")]
    Empty,
    /// There is a control character other than line feed, carriage return and tab.
    #[error("the text holds a control character: remove it")]
    ControlCharacter,
    /// It takes more segments than allowed.
    #[error("the text takes {segments} segments, at most {limit} are allowed")]
    TooLong {
        /// How many segments it takes.
        segments: u16,
        /// The bound.
        limit: u16,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segments(text: &str) -> u16 {
        SmsText::with_limit(text, u16::MAX).unwrap().segments()
    }

    #[test]
    fn segments_are_counted_at_every_boundary() {
        for (character, count, expected) in [
            ("a", 160, 1),
            ("a", 161, 2),
            ("a", 306, 2),
            ("a", 307, 3),
            ("€", 80, 1),
            ("€", 81, 2),
            // 76 pairs are 152 septets; the 77th does not fit into 153.
            ("€", 152, 2),
            ("€", 153, 3),
            ("ш", 70, 1),
            ("ш", 71, 2),
            ("ш", 134, 2),
            ("ш", 135, 3),
            ("😀", 35, 1),
            ("😀", 36, 2),
            // 33 pairs are 66 units; the 34th does not fit into 67.
            ("😀", 66, 2),
            ("😀", 67, 3),
        ] {
            assert_eq!(
                segments(&character.repeat(count)),
                expected,
                "{character} × {count}"
            );
        }
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for (text, error) in [
            ("", SmsTextError::Empty),
            (" \n\t", SmsTextError::Empty),
            ("a\0", SmsTextError::ControlCharacter),
            ("a\x1B", SmsTextError::ControlCharacter),
            ("a\u{85}", SmsTextError::ControlCharacter),
        ] {
            assert_eq!(SmsText::new(text), Err(error), "{text:?}");
        }
        assert!(SmsText::new("one\r\ntwo\tthree").is_ok());
        let limit = SEGMENTS_MAX;
        assert!(SmsText::new("a".repeat(1530)).is_ok());
        assert_eq!(
            SmsText::new("a".repeat(1531)),
            Err(SmsTextError::TooLong {
                segments: 11,
                limit
            })
        );
    }

    #[test]
    fn a_policy_transliterates_refuses_or_allows() {
        let plain = SmsText::new("plain").unwrap();
        let curly = SmsText::new("it’s").unwrap();
        let emoji = SmsText::new("😀").unwrap();
        use TextPolicy::{Allow, Refuse, Transliterate};
        assert_eq!(plain.under(Refuse), Some(plain));
        assert_eq!(curly.under(Refuse), None);
        assert_eq!(curly.under(Transliterate).unwrap().as_str(), "it's");
        assert_eq!(emoji.under(Transliterate), None);
        assert_eq!(emoji.under(Allow), Some(emoji));
    }

    #[test]
    fn the_words_are_not_shown() {
        let text = SmsText::new("secret").unwrap();
        assert_eq!(
            format!("{text:?}"),
            "SmsText { encoding: Gsm7, segments: 1, .. }"
        );
    }

    proptest! {
        #[test]
        fn parts_join_to_the_text_and_none_is_too_full(
            text in r"([a-z€\[\]]{1,700}|[a-zш😀]{1,300}|\PC{1,200})"
        ) {
            let Ok(text) = SmsText::with_limit(text, u16::MAX) else { return Ok(()) };
            let parts = text.parts();
            prop_assert_eq!(parts.concat(), text.as_str());
            prop_assert_eq!(parts.len(), usize::from(text.segments()));
            let encoding = text.encoding();
            let units = |part: &str| part.chars().map(|c| encoding.units(c)).sum::<usize>();
            if let [alone] = parts[..] {
                prop_assert!(units(alone) <= encoding.units_alone());
            } else {
                prop_assert!(units(text.as_str()) > encoding.units_alone());
                for (index, part) in parts.iter().enumerate() {
                    prop_assert!(units(part) <= encoding.units_joined());
                    // Only the last part may have room for another character.
                    prop_assert!(index + 1 == parts.len() || units(part) + 2 > encoding.units_joined());
                }
            }
        }
    }
}
