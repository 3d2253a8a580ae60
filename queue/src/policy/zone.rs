//! [`Zone`]: a time zone, and the one door to `jiff`.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::clock::Timestamp;

/// A time zone of the IANA database, such as `Africa/Nairobi`. The database is compiled in, so every host agrees.
///
/// # Examples
/// ```
/// use queue::policy::Zone;
///
/// let nairobi: Zone = "Africa/Nairobi".parse()?;
/// assert_eq!(nairobi.moment("2026-01-01T03:00")?.as_millis(), 1_767_225_600_000);
/// # Ok::<(), queue::policy::ZoneError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// The zone called `name`.
    ///
    /// # Errors
    /// [`ZoneError::Unknown`] when the database has no such zone.
    pub fn named(name: &str) -> Result<Self, ZoneError> {
        match TimeZone::get(name) {
            Ok(zone) => Ok(Self(zone)),
            Err(_) => Err(ZoneError::Unknown {
                name: name.to_owned(),
            }),
        }
    }

    /// The zone's name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The moment at which clocks in this zone show `local`, such as `2026-03-29T21:30`. A time that clocks show twice is
    /// its first occurrence; one that they skip is that much after the gap's start.
    ///
    /// # Errors
    /// [`ZoneError::Local`] when `local` is not a date and time.
    pub fn moment(&self, local: &str) -> Result<Timestamp, ZoneError> {
        let local: DateTime = local.parse().map_err(|_| ZoneError::Local)?;
        match self.0.to_timestamp(local) {
            Ok(moment) => Ok(Timestamp::from_millis(moment.as_millisecond())),
            Err(_) => Err(ZoneError::Local),
        }
    }

    pub(super) fn inner(&self) -> &TimeZone {
        &self.0
    }
}

/// `moment` as jiff writes it; moments beyond the year 9999 are its last.
pub(super) fn instant(moment: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(moment.as_millis()).unwrap_or(match moment.as_millis() {
        ..0 => jiff::Timestamp::MIN,
        0.. => jiff::Timestamp::MAX,
    })
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(name: &str) -> Result<Self, ZoneError> {
        Self::named(name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({self})")
    }
}

/// A text that names no zone, or no local time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ZoneError {
    /// The database has no such zone.
    #[error(
        "no time zone is called `{name}`: expected a name of the IANA database, such as Africa/Nairobi"
    )]
    Unknown {
        /// The name.
        name: String,
    },
    /// The text is not a date and time.
    #[error("not a local date and time: expected such as 2026-03-29T21:30")]
    Local,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_found_by_name_and_others_are_refused() {
        assert_eq!(
            Zone::named("Africa/Nairobi").unwrap().name(),
            "Africa/Nairobi"
        );
        assert_eq!(Zone::UTC.name(), "UTC");
        for wrong in ["", "Nairobi", "Africa/Nowhere"] {
            let unknown = ZoneError::Unknown {
                name: wrong.to_owned(),
            };
            assert_eq!(wrong.parse::<Zone>(), Err(unknown));
        }
    }

    #[test]
    fn local_times_around_a_change_of_the_clocks_are_the_first_or_after_the_gap() {
        let warsaw = Zone::named("Europe/Warsaw").unwrap();
        let utc = |text| Zone::UTC.moment(text).unwrap();
        assert_eq!(
            warsaw.moment("2026-03-29T02:30").unwrap(),
            utc("2026-03-29T01:30")
        );
        assert_eq!(
            warsaw.moment("2026-10-25T02:30").unwrap(),
            utc("2026-10-25T00:30")
        );
        assert_eq!(warsaw.moment("yesterday"), Err(ZoneError::Local));
    }

    #[test]
    fn moments_beyond_the_calendar_are_clamped() {
        assert_eq!(
            instant(Timestamp::from_millis(i64::MAX)),
            jiff::Timestamp::MAX
        );
        assert_eq!(
            instant(Timestamp::from_millis(i64::MIN)),
            jiff::Timestamp::MIN
        );
    }
}
