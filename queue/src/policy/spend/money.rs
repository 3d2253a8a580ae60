//! [`Money`] and [`PriceTable`]: what a message costs.

use std::fmt;

use crate::sms::{PhoneNumber, SmsMessage};

/// An amount of money, to a millionth of the currency's unit: SMS are often priced below a hundredth.
///
/// It has no currency: all prices and caps of one guard are of one currency, and nothing is converted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(u64);

/// Millionths in a hundredth.
const MICROS_PER_MINOR: u64 = 10_000;

impl Money {
    /// So many hundredths of the currency's unit, such as cents, whatever the currency calls them. At most 1.8 × 10^15;
    /// more counts as that.
    pub const fn minor(hundredths: u64) -> Self {
        Self(hundredths.saturating_mul(MICROS_PER_MINOR))
    }

    /// So many millionths of the currency's unit: 7,900 is 0.0079 dollars.
    pub const fn micros(millionths: u64) -> Self {
        Self(millionths)
    }

    /// In millionths of the currency's unit.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// An amount such as `5000`, `0.80` or `0.0079`: up to six decimals. `None` when it is no such thing, or too much.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (units, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_number =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(units) || !is_number(decimals) || decimals.len() > 6 {
            return None;
        }
        let units: u64 = units.parse().ok()?;
        let micros: u64 = format!("{decimals:0<6}").parse().ok()?;
        Some(Self(units.checked_mul(1_000_000)?.checked_add(micros)?))
    }

    pub(super) const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (units, micros) = (self.0 / 1_000_000, self.0 % 1_000_000);
        match micros % MICROS_PER_MINOR {
            0 => write!(f, "{units}.{:02}", micros / MICROS_PER_MINOR),
            _ => write!(f, "{units}.{micros:06}"),
        }
    }
}

/// What a segment costs, by the beginning of the recipient's number.
///
/// # Examples
/// ```
/// use queue::policy::{Money, PriceTable};
///
/// // 0.80 to Kenya, 0.40 to Safaricom's 07 numbers, 5.00 to anywhere else.
/// let prices = PriceTable::new(Money::minor(500))
///     .prefix("+254", Money::minor(80))?
///     .prefix("+2547", Money::minor(40))?;
/// assert_eq!(prices.of(&"0712 345 678".parse()?), Money::minor(40));
/// assert_eq!(prices.of(&"0110 345 678".parse()?), Money::minor(80));
/// assert_eq!(prices.of(&"+447400123456".parse()?), Money::minor(500));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceTable {
    /// The longest prefix first.
    prefixes: Vec<(String, Money)>,
    otherwise: Money,
}

impl PriceTable {
    /// A table in which a segment costs `otherwise` where no prefix says more. Take the highest price of the list, so that
    /// an unlisted destination is not a cheap one.
    pub fn new(otherwise: Money) -> Self {
        Self {
            prefixes: Vec::new(),
            otherwise,
        }
    }

    /// A segment to a number that begins with `prefix`, such as `+2547`, costs `price`. The longest prefix counts.
    ///
    /// # Errors
    /// [`PrefixError`] when `prefix` is not a `+` and 1 to 15 digits.
    pub fn prefix(mut self, prefix: &str, price: Money) -> Result<Self, PrefixError> {
        let digits = prefix.strip_prefix('+').ok_or(PrefixError)?;
        if !(1..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PrefixError);
        }
        self.prefixes.retain(|(known, _)| known != prefix);
        self.prefixes.push((prefix.to_owned(), price));
        self.prefixes
            .sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Ok(self)
    }

    /// What a segment to `recipient` costs.
    pub fn of(&self, recipient: &PhoneNumber) -> Money {
        let number = recipient.as_e164();
        let listed = self
            .prefixes
            .iter()
            .find(|(prefix, _)| number.starts_with(prefix));
        listed.map_or(self.otherwise, |(_, price)| *price)
    }

    /// What `message` costs: the price of a segment for each of its segments.
    pub fn cost(&self, message: &SmsMessage) -> Money {
        self.of(&message.recipient)
            .times(u64::from(message.text.segments()))
    }
}

/// A text that is not the beginning of a phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a prefix of phone numbers: expected a + and digits, such as +2547")]
pub struct PrefixError;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sms::SmsText;

    #[test]
    fn every_segment_costs() {
        let prices = PriceTable::new(Money::micros(7_900));
        let message = |length: usize| {
            let text = SmsText::new("a".repeat(length)).unwrap();
            SmsMessage::new("0712345678".parse().unwrap(), text)
        };
        assert_eq!(prices.cost(&message(160)), Money::micros(7_900));
        assert_eq!(prices.cost(&message(161)), Money::micros(15_800));
    }

    #[test]
    fn a_prefix_told_twice_has_the_last_price() {
        let prices = PriceTable::new(Money::minor(500));
        let prices = prices.prefix("+254", Money::minor(80)).unwrap();
        let prices = prices.prefix("+254", Money::minor(90)).unwrap();
        assert_eq!(prices.of(&"0712345678".parse().unwrap()), Money::minor(90));
        for wrong in ["", "+", "254", "+254x", "+1234567890123456", "+２"] {
            assert_eq!(
                prices.clone().prefix(wrong, Money::minor(1)),
                Err(PrefixError)
            );
        }
    }

    #[test]
    fn money_is_read_as_it_is_shown() {
        for (text, money) in [
            ("5000", Money::minor(500_000)),
            ("0.80", Money::minor(80)),
            ("0.8", Money::minor(80)),
            ("0.007900", Money::micros(7_900)),
            ("12.34", Money::minor(1_234)),
        ] {
            assert_eq!(Money::parse(text), Some(money), "{text}");
        }
        for wrong in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "1,5",
            "1.0000001",
            "1e3",
            "99999999999999999999",
        ] {
            assert_eq!(Money::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn money_is_shown_to_the_digit_that_counts() {
        for (money, shown) in [
            (Money::minor(0), "0.00"),
            (Money::minor(1_234), "12.34"),
            (Money::micros(7_900), "0.007900"),
            (Money::minor(u64::MAX), "18446744073709.551615"),
        ] {
            assert_eq!(money.to_string(), shown);
        }
    }
}
