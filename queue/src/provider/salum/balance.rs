//! [`Balance`]: an amount of credits.

use std::fmt;
use std::str::FromStr;

/// An amount of an account's credits, exact to a millionth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Balance {
    micros: i64,
}

impl Balance {
    /// One credit.
    pub(super) const ONE: Self = Self::from_micros(1_000_000);

    /// This many millionths of a credit.
    pub const fn from_micros(micros: i64) -> Self {
        Self { micros }
    }

    /// The amount in millionths of a credit.
    pub const fn as_micros(self) -> i64 {
        self.micros
    }

    /// This amount so many times.
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self::from_micros(self.micros.saturating_mul(i64::from(count)))
    }
}

impl FromStr for Balance {
    type Err = ParseBalanceError;

    /// Reads a decimal such as `1234.50`; digits after the sixth decimal place are dropped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(fraction) {
            return Err(ParseBalanceError);
        }
        let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
        let whole: i64 = whole.parse().map_err(|_| ParseBalanceError)?;
        let fraction: i64 = fraction.parse().map_err(|_| ParseBalanceError)?;
        let micros = whole
            .checked_mul(1_000_000)
            .and_then(|micros| micros.checked_add(fraction))
            .ok_or(ParseBalanceError)?;
        Ok(Self::from_micros(if negative { -micros } else { micros }))
    }
}

impl fmt::Display for Balance {
    /// At least two decimal places: `1234.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.micros < 0 { "-" } else { "" };
        let micros = self.micros.unsigned_abs();
        let fraction = format!("{:06}", micros % 1_000_000);
        let shown = fraction.trim_end_matches('0').len().max(2);
        write!(f, "{sign}{}.{}", micros / 1_000_000, &fraction[..shown])
    }
}

/// The text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an amount: expected a decimal such as 1234.50")]
pub struct ParseBalanceError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (text, shown) in [
            ("1234.5", "1234.50"),
            ("0.1", "0.10"),
            ("-3.25", "-3.25"),
            ("7", "7.00"),
            ("0.0000019", "0.000001"),
        ] {
            assert_eq!(text.parse::<Balance>().unwrap().to_string(), shown);
        }
        for wrong in [
            "",
            ".",
            "1.",
            ".5",
            "1e3",
            "NaN",
            "1,000.00",
            "99999999999999999999",
        ] {
            assert_eq!(wrong.parse::<Balance>(), Err(ParseBalanceError), "{wrong}");
        }
    }
}
