//! The one door to `rlibphonenumber`, Google's numbering plans in Rust.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};

use super::Region;

/// A valid number, as the numbering plan sees it.
pub(super) struct Parsed {
    /// `+` and the digits.
    pub(super) e164: String,
    /// The country code, such as 254.
    pub(super) country_code: u16,
    /// The digits after the country code.
    pub(super) national: String,
    /// A mobile number, or one of a plan that does not tell mobile from fixed lines.
    pub(super) mobile: bool,
}

/// Parses and validates `digits` (with a leading `+` when they have a country code) as dialled in `region`.
pub(super) fn parse(digits: &str, region: Region) -> Option<Parsed> {
    let region = to_foreign(region)?;
    let number = PHONE_NUMBER_UTIL.parse(digits, Some(region)).ok()?;
    if !PHONE_NUMBER_UTIL.is_valid_number(&number) {
        return None;
    }
    Some(Parsed {
        e164: PHONE_NUMBER_UTIL
            .format(&number, PhoneNumberFormat::E164)
            .into_owned(),
        country_code: u16::try_from(number.country_code).ok()?,
        national: rlibphonenumber::get_national_significant_number_owned(&number),
        mobile: matches!(
            PHONE_NUMBER_UTIL.get_number_type(&number),
            PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile
        ),
    })
}

/// The region that a number in E.164 form belongs to; `None` for numbers of no country, such as satellite phones.
pub(super) fn region_of(e164: &str) -> Option<Region> {
    let number = PHONE_NUMBER_UTIL.parse(e164, None).ok()?;
    let region = PHONE_NUMBER_UTIL.get_region_for_number(&number)?;
    region.to_string().parse().ok()
}

/// Whether there is a numbering plan for `region`.
pub(super) fn knows(region: Region) -> bool {
    to_foreign(region).is_some()
}

fn to_foreign(region: Region) -> Option<rlibphonenumber::Region> {
    let region = region.as_str().parse().ok()?;
    PHONE_NUMBER_UTIL
        .get_supported_regions()
        .any(|known| known == region)
        .then_some(region)
}
