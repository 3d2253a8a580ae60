//! [`Region`]: where a number without a country code is dialled from.

use std::fmt;
use std::str::FromStr;

/// A country or territory: two letters of ISO 3166-1.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region([u8; 2]);

/// The region of a number that is written without its country code, unless told otherwise: Kenya.
pub const DEFAULT_REGION: Region = Region::KE;

impl Region {
    /// Kenya, +254.
    pub const KE: Self = Self(*b"KE");
    /// Tanzania, +255.
    pub const TZ: Self = Self(*b"TZ");
    /// Uganda, +256.
    pub const UG: Self = Self(*b"UG");
    /// Rwanda, +250.
    pub const RW: Self = Self(*b"RW");
    /// Ethiopia, +251.
    pub const ET: Self = Self(*b"ET");

    /// The two letters, such as `KE`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

impl FromStr for Region {
    type Err = ParseRegionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                let region = Self([a.to_ascii_uppercase(), b.to_ascii_uppercase()]);
                match super::metadata::knows(region) {
                    true => Ok(region),
                    false => Err(ParseRegionError),
                }
            }
            _ => Err(ParseRegionError),
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({self})")
    }
}

/// The text names no region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a region: expected two letters of ISO 3166-1, such as KE")]
pub struct ParseRegionError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_two_known_letters_of_any_case() {
        assert_eq!("ke".parse(), Ok(Region::KE));
        for wrong in ["", "K", "KEN", "K1", "QQ", "é"] {
            assert_eq!(wrong.parse::<Region>(), Err(ParseRegionError), "{wrong}");
        }
    }

    #[test]
    fn every_named_region_is_known() {
        for region in [
            Region::KE,
            Region::TZ,
            Region::UG,
            Region::RW,
            Region::ET,
            DEFAULT_REGION,
        ] {
            assert_eq!(region.as_str().parse(), Ok(region));
        }
    }
}
