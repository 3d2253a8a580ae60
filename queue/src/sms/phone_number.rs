//! [`PhoneNumber`]: a valid number in E.164 form.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::dialled::Dialled;
use super::{DEFAULT_REGION, Region, metadata};
use crate::job::Address;

/// Longest text that is read as a phone number, in characters. Twice what any spelling needs; longer texts are refused
/// before they are parsed.
pub const PHONE_NUMBER_CHARS_MAX: usize = 64;

/// Most digits of an E.164 number (ITU-T E.164, 6.2.1).
const DIGITS_MAX: usize = 15;

/// A valid phone number, in E.164 form: `+254712345678`.
///
/// Parsed from what people write: spaces, `-`, `.`, `/`, brackets, `tel:`, a leading `+`, `00` or `0`. A number without
/// a country code belongs to a [`Region`]; [`FromStr`], [`PhoneNumber::parse`] and `Deserialize` take
/// [`DEFAULT_REGION`], [`PhoneNumber::parse_in`] any other.
///
/// Valid means valid in the country's numbering plan, not that somebody answers. A fixed line is valid although most
/// carriers deliver no SMS to it: the provider says so. A number written without country code *and* without leading
/// `0` must be a mobile number, so that a foreign number that lost its country code does not become somebody else's.
///
/// `Debug` and `Display` show the country code and the last two digits only; [`as_e164`](Self::as_e164) shows all.
///
/// # Examples
/// ```
/// use queue::sms::{PhoneNumber, Region};
///
/// let number: PhoneNumber = "0712 345 678".parse()?;
/// assert_eq!(number.as_e164(), "+254712345678");
/// assert_eq!(number.to_string(), "+254*******78");
/// assert_eq!(PhoneNumber::parse_in("0712 345678", Region::UG)?.digits(), "256712345678");
/// # Ok::<(), queue::sms::PhoneNumberError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber {
    /// `+` and the digits, then zeros.
    text: [u8; DIGITS_MAX + 1],
    length: u8,
    country_code_digits: u8,
}

impl PhoneNumber {
    /// The number in `text`, dialled from [`DEFAULT_REGION`] when it has no country code.
    ///
    /// # Errors
    /// [`PhoneNumberError`], which never quotes `text`.
    pub fn parse(text: &str) -> Result<Self, PhoneNumberError> {
        Self::parse_in(text, DEFAULT_REGION)
    }

    /// The number in `text`, dialled from `region` when it has no country code.
    ///
    /// # Errors
    /// [`PhoneNumberError`], which never quotes `text`.
    pub fn parse_in(text: &str, region: Region) -> Result<Self, PhoneNumberError> {
        let dialled = Dialled::read(text)?;
        let international = dialled.international(region);
        let invalid = match international {
            Some(_) => PhoneNumberError::Unassigned,
            None => PhoneNumberError::Invalid { region },
        };
        if let Some(e164) = dialled.kenyan_mobile(region) {
            return Self::from_e164(&e164, 3).ok_or(invalid);
        }
        let mut buffer = String::with_capacity(PHONE_NUMBER_CHARS_MAX);
        let digits = match international {
            Some(digits) => {
                buffer.push('+');
                digits
            }
            None => dialled.digits(),
        };
        buffer.push_str(digits);
        let parsed = metadata::parse(&buffer, region).ok_or(invalid)?;
        // Nothing was stripped: neither a country code nor a trunk prefix says whose number it is.
        let bare = international.is_none() && parsed.national == digits;
        if bare && !parsed.mobile {
            return Err(invalid);
        }
        let country_code_digits = match parsed.country_code {
            0..10 => 1,
            10..100 => 2,
            _ => 3,
        };
        Self::from_e164(parsed.e164.as_bytes(), country_code_digits).ok_or(invalid)
    }

    /// The number in E.164 form, with its `+`.
    pub fn as_e164(&self) -> &str {
        std::str::from_utf8(&self.text[..usize::from(self.length)])
            .expect("a phone number is made of `+` and ASCII digits only")
    }

    /// The digits of the E.164 form, without `+`: what the Salum family calls `mobile`.
    pub fn digits(&self) -> &str {
        &self.as_e164()[1..]
    }

    /// The number with all but its country code and last two digits hidden: `+254*******78`.
    pub fn masked(&self) -> String {
        let text = self.as_e164();
        let shown = 1 + usize::from(self.country_code_digits);
        let hidden = text.len().saturating_sub(shown + 2);
        let mut masked = String::with_capacity(text.len());
        masked.push_str(&text[..shown]);
        masked.extend(std::iter::repeat_n('*', hidden));
        masked.push_str(&text[shown + hidden..]);
        masked
    }

    /// The country or territory whose number it is, told by more than the country code where several share one, such as
    /// +1. `None` for numbers of no country, such as satellite phones.
    pub fn region(&self) -> Option<Region> {
        metadata::region_of(self.as_e164())
    }

    fn from_e164(e164: &[u8], country_code_digits: u8) -> Option<Self> {
        let mut text = [0; DIGITS_MAX + 1];
        text.get_mut(..e164.len())?.copy_from_slice(e164);
        Some(Self {
            text,
            length: u8::try_from(e164.len()).ok()?,
            country_code_digits,
        })
    }
}

impl Address for PhoneNumber {
    fn canonical(&self) -> Cow<'_, str> {
        self.as_e164().into()
    }

    fn masked(&self) -> Option<String> {
        Some(Self::masked(self))
    }
}

impl FromStr for PhoneNumber {
    type Err = PhoneNumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}

impl Serialize for PhoneNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_e164())
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // `deserialize_str` would let JSON report a number in its own words, value and all.
        match deserializer.is_human_readable() {
            true => deserializer.deserialize_any(NumberVisitor),
            false => deserializer.deserialize_str(NumberVisitor),
        }
    }
}

/// Serde's own errors quote a value of the wrong type; a number must not end up in a log.
struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = PhoneNumber;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a phone number as a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<PhoneNumber, E> {
        PhoneNumber::parse(text).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<PhoneNumber, E> {
        Err(E::custom(NOT_A_STRING))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<PhoneNumber, E> {
        Err(E::custom(NOT_A_STRING))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<PhoneNumber, E> {
        Err(E::custom(NOT_A_STRING))
    }
}

const NOT_A_STRING: &str = "a phone number must be a string, such as \"+254712345678\"";

impl JsonSchema for PhoneNumber {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PhoneNumber".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "phone",
            "description": "A phone number, best in E.164 form: +254712345678.",
            "maxLength": PHONE_NUMBER_CHARS_MAX,
        })
    }
}

/// A text that is no phone number. Never quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PhoneNumberError {
    /// There is no digit.
    #[error("a phone number has digits, this one has none")]
    Empty,
    /// The text is longer than any number.
    #[error("a phone number has at most {PHONE_NUMBER_CHARS_MAX} characters")]
    TooLong,
    /// There is a letter, an extension, or another character that is not dialled.
    #[error("a phone number has only digits, spaces and `+ - . / ( )`; write extensions nowhere")]
    Character,
    /// It has a country code, and no numbering plan has this number.
    #[error("not a valid number: no numbering plan has it, so check its digits")]
    Unassigned,
    /// It has no country code, and the region's numbering plan does not have it.
    #[error(
        "not a valid number in region {region}: check its digits, or write it with its country code, such as +254712345678"
    )]
    Invalid {
        /// The region that was assumed for a number without country code.
        region: Region,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const KENYAN: &str = "+254712345678";

    #[test]
    fn a_number_knows_its_region() {
        for (number, region) in [
            ("+254712345678", Some("KE")),
            ("+256712345678", Some("UG")),
            ("+12015550123", Some("US")),
            ("+14165550123", Some("CA")),
            ("+18765550123", Some("JM")),
            ("+447400123456", Some("GB")),
            ("+48512345678", Some("PL")),
            ("+870773111632", None),
        ] {
            let region = region.map(|region| region.parse().unwrap());
            assert_eq!(
                PhoneNumber::parse(number).unwrap().region(),
                region,
                "{number}"
            );
        }
    }

    #[test]
    fn every_kenyan_spelling_is_the_same_number() {
        for text in [
            "0712345678",
            "712345678",
            "254712345678",
            "+254712345678",
            "00254712345678",
            "000254712345678",
            " +254 (712) 345-678 ",
            "+254 0712 345678",
            "+254 (0) 712 345 678",
            "0712.345.678",
            "tel:+254712345678",
            "TEL:0712345678",
            "\u{202A}+254\u{A0}712\u{2011}345\u{2011}678\u{202C}",
        ] {
            assert_eq!(
                PhoneNumber::parse(text).unwrap().as_e164(),
                KENYAN,
                "{text}"
            );
        }
        for (text, e164) in [
            ("0110345678", "+254110345678"),
            ("0100345678", "+254100345678"),
            ("0202345678", "+254202345678"),
            ("+442079460958", "+442079460958"),
            ("0044 20 7946 0958", "+442079460958"),
            ("+1 202 555 0143", "+12025550143"),
        ] {
            assert_eq!(PhoneNumber::parse(text).unwrap().as_e164(), e164, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        use PhoneNumberError::{Character, Empty, TooLong, Unassigned};
        let invalid = PhoneNumberError::Invalid { region: Region::KE };
        let long = "0".repeat(65);
        for (text, error) in [
            ("", Empty),
            ("  + ", Empty),
            (long.as_str(), TooLong),
            ("+254712345678;ext=5", Character),
            ("+254712345678 x5", Character),
            ("0800 FLOWERS", Character),
            ("++254712345678", Character),
            ("254+712345678", Character),
            ("٠٧١٢٣٤٥٦٧٨", Character),
            ("0712345678\n", Character),
            ("+97233142764978", Unassigned),
            ("0123456789", invalid),
            ("07123456789", invalid),
            ("071234567", invalid),
            ("2540712345678901", invalid),
            ("000000000000", Unassigned),
            ("+999123456789", Unassigned),
            // Nine digits of the United Arab Emirates, which the package before made Kenyan.
            ("551234567", invalid),
            ("447911123456", invalid),
        ] {
            assert_eq!(PhoneNumber::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn another_region_reads_its_own_numbers() {
        let number = PhoneNumber::parse_in("0712 345678", Region::UG).unwrap();
        assert_eq!(number.as_e164(), "+256712345678");
        let number = PhoneNumber::parse_in("0254712345678", Region::UG);
        assert_eq!(
            number,
            Err(PhoneNumberError::Invalid { region: Region::UG })
        );
        let number = PhoneNumber::parse_in("00254712345678", Region::UG).unwrap();
        assert_eq!(number.as_e164(), KENYAN);
    }

    #[test]
    fn a_number_is_shown_masked() {
        let number = PhoneNumber::parse(KENYAN).unwrap();
        assert_eq!(
            format!("{number} {number:?}"),
            "+254*******78 PhoneNumber(+254*******78)"
        );
        assert_eq!(
            PhoneNumber::parse("+12025550143").unwrap().masked(),
            "+1********43"
        );
        assert_eq!(number.digits(), "254712345678");
    }

    #[test]
    fn a_number_survives_json_and_its_errors_do_not_quote_it() {
        let number: PhoneNumber = serde_json::from_str(r#""0712345678""#).unwrap();
        assert_eq!(
            serde_json::to_string(&number).unwrap(),
            r#""+254712345678""#
        );
        for wrong in [
            "798765432",
            "-798765432",
            "798765432.5",
            r#""+254798765432;ext=5""#,
        ] {
            let error = serde_json::from_str::<PhoneNumber>(wrong)
                .unwrap_err()
                .to_string();
            assert!(!error.contains("98765"), "{error}");
        }
    }

    #[test]
    fn the_short_way_agrees_with_the_numbering_plan() {
        for prefix in 0..1000 {
            let digits = format!("254{prefix:03}345678");
            let dialled = Dialled::read(&digits).unwrap();
            if let Some(short) = dialled.kenyan_mobile(Region::KE) {
                let long = metadata::parse(&format!("+{digits}"), Region::KE)
                    .unwrap_or_else(|| panic!("{digits} is not valid"));
                assert_eq!(short, long.e164.as_bytes());
                assert!(long.mobile, "{digits}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_and_every_number_reads_itself(text in r"(\PC{0,20}|[+0-9 ()-]{0,20})") {
            if let Ok(number) = PhoneNumber::parse(&text) {
                proptest::prop_assert_eq!(PhoneNumber::parse(number.as_e164()), Ok(number));
                proptest::prop_assert_eq!(PhoneNumber::parse_in(number.as_e164(), Region::UG), Ok(number));
                proptest::prop_assert!(number.digits().len() <= DIGITS_MAX);
            }
        }
    }
}
