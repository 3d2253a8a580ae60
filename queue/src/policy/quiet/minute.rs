//! A time of the day, to the minute.

use std::str::FromStr;

use super::windows::SendWindowsError;

/// Minutes of a day, as clocks count them.
pub(super) const DAY_MINUTES: u16 = 24 * 60;

/// Minutes since midnight, up to 24:00.
pub(super) struct Minute(pub(super) u16);

impl FromStr for Minute {
    type Err = SendWindowsError;

    fn from_str(text: &str) -> Result<Self, SendWindowsError> {
        let wrong = || SendWindowsError::Time {
            text: text.chars().take(16).collect(),
        };
        let &[h1, h2, b':', m1, m2] = text.as_bytes() else {
            return Err(wrong());
        };
        let digits = |tens: u8, ones: u8| match (tens, ones) {
            (b'0'..=b'9', b'0'..=b'9') => Ok(u16::from(tens - b'0') * 10 + u16::from(ones - b'0')),
            _ => Err(wrong()),
        };
        let (hours, minutes) = (digits(h1, h2)?, digits(m1, m2)?);
        match hours * 60 + minutes {
            total @ ..=DAY_MINUTES if minutes < 60 => Ok(Self(total)),
            _ => Err(wrong()),
        }
    }
}
