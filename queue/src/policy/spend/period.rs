//! [`Period`]: how long a cap counts before it begins again. Pure.

use std::fmt;
use std::time::Duration;

use jiff::Span;
use jiff::civil::Date;

use crate::clock::Timestamp;
use crate::policy::Zone;
use crate::policy::zone::instant;

/// How long a cap counts before it begins again at nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    /// A fixed length, from a second; periods begin at its multiples since 1970, in universal time. For minutes and hours.
    Every(Duration),
    /// From midnight to midnight on the clocks of the guard's zone: 23 or 25 hours when they are moved.
    Day,
    /// From the first of a month to the first of the next, on the clocks of the guard's zone.
    Month,
}

/// One run of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Its first moment.
    pub(super) start: Timestamp,
    /// The first moment after it.
    pub(super) end: Timestamp,
}

impl Period {
    /// The run that `at` falls into.
    pub(super) fn window(self, at: Timestamp, zone: &Zone) -> Window {
        match self {
            Self::Every(length) => every(at, length),
            Self::Day => calendar(at, zone, |date| date, Span::new().days(1)),
            Self::Month => calendar(at, zone, Date::first_of_month, Span::new().months(1)),
        }
        // Only at the ends of the calendar, thousands of years away.
        .unwrap_or(Window {
            start: at,
            end: at.saturating_add(Duration::from_secs(1)),
        })
    }
}

fn every(at: Timestamp, length: Duration) -> Option<Window> {
    let length = i64::try_from(length.as_millis()).ok()?.max(1);
    let start = at.as_millis().div_euclid(length).checked_mul(length)?;
    Some(Window {
        start: Timestamp::from_millis(start),
        end: Timestamp::from_millis(start.checked_add(length)?),
    })
}

fn calendar(
    at: Timestamp,
    zone: &Zone,
    first: impl Fn(Date) -> Date,
    length: Span,
) -> Option<Window> {
    let today = zone.inner().to_datetime(instant(at)).date();
    // Where midnight is skipped, a day begins at the first moment that there is.
    let begins = |date: Date| {
        let zoned = date.to_zoned(zone.inner().clone()).ok()?;
        Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
    };
    let date = first(today);
    Some(Window {
        start: begins(date)?,
        end: begins(date.checked_add(length).ok()?)?,
    })
}

impl Window {
    /// A length such that, of the periods of this length that begin at its multiples since 1970, one contains this window
    /// and ends with it, within the rounding of a second.
    ///
    /// The store counts in such fixed periods. With this length it counts in calendar days and months too: the window is
    /// inside one of its periods, and no other window of the calendar counts to the same one.
    pub(super) fn fixed_period(self) -> Duration {
        let (start, end) = (self.start.as_millis(), self.end.as_millis());
        let length = end.saturating_sub(start).max(1);
        // The window is the last part of the `count`-th period since 1970: `count` such periods end where it ends.
        let mut count = (end / length).max(1);
        let mut period = ceiling(end, count);
        // Rounded up, the periods before may reach into the window by a little: then they are made longer.
        while count > 1 && period.saturating_mul(count - 1) > start {
            count -= 1;
            period = ceiling(end, count);
        }
        Duration::from_millis(u64::try_from(period.max(1)).unwrap_or(1))
    }
}

fn ceiling(dividend: i64, divisor: i64) -> i64 {
    dividend.saturating_add(divisor - 1).div_euclid(divisor)
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(length) => write!(f, "{}s", length.as_secs()),
            Self::Day => f.write_str("day"),
            Self::Month => f.write_str("month"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::backend::{ChargeLine, RecordKey};

    fn moment(zone: &Zone, local: &str) -> Timestamp {
        zone.moment(local).unwrap()
    }

    #[test]
    fn days_and_months_begin_on_the_zones_clocks() {
        for (zone, period, at, start, end) in [
            (
                "Africa/Nairobi",
                Period::Day,
                "2026-01-31T23:59:59.999",
                "2026-01-31T00:00",
                "2026-02-01T00:00",
            ),
            (
                "Africa/Nairobi",
                Period::Day,
                "2026-02-01T00:00",
                "2026-02-01T00:00",
                "2026-02-02T00:00",
            ),
            (
                "Africa/Nairobi",
                Period::Month,
                "2026-02-28T23:59",
                "2026-02-01T00:00",
                "2026-03-01T00:00",
            ),
            (
                "Africa/Nairobi",
                Period::Month,
                "2028-02-29T12:00",
                "2028-02-01T00:00",
                "2028-03-01T00:00",
            ),
            (
                "Africa/Nairobi",
                Period::Month,
                "2026-12-31T23:59",
                "2026-12-01T00:00",
                "2027-01-01T00:00",
            ),
            (
                "Europe/Warsaw",
                Period::Month,
                "2026-03-29T12:00",
                "2026-03-01T00:00",
                "2026-04-01T00:00",
            ),
            (
                "Europe/Warsaw",
                Period::Day,
                "2026-03-29T12:00",
                "2026-03-29T00:00",
                "2026-03-30T00:00",
            ),
            // Clocks in Cairo skip midnight on 2026-04-24.
            (
                "Africa/Cairo",
                Period::Day,
                "2026-04-24T12:00",
                "2026-04-24T01:00",
                "2026-04-25T00:00",
            ),
        ] {
            let zone = Zone::named(zone).unwrap();
            let expected = Window {
                start: moment(&zone, start),
                end: moment(&zone, end),
            };
            assert_eq!(
                period.window(moment(&zone, at), &zone),
                expected,
                "{at} in {zone}"
            );
        }
    }

    #[test]
    fn a_day_has_as_many_hours_as_its_clocks_show() {
        let warsaw = Zone::named("Europe/Warsaw").unwrap();
        for (day, hours) in [
            ("2026-03-29T12:00", 23),
            ("2026-03-30T12:00", 24),
            ("2026-10-25T12:00", 25),
        ] {
            let window = Period::Day.window(moment(&warsaw, day), &warsaw);
            assert_eq!(
                window.end.since(window.start),
                Duration::from_secs(hours * 3600)
            );
        }
    }

    #[test]
    fn moments_beyond_the_calendar_have_a_period_too() {
        for at in [i64::MIN, -1, 0, i64::MAX] {
            for period in [
                Period::Every(Duration::from_secs(60)),
                Period::Day,
                Period::Month,
            ] {
                let window = period.window(Timestamp::from_millis(at), &Zone::UTC);
                assert!(window.fixed_period() >= Duration::from_millis(1));
            }
        }
    }

    proptest! {
        /// What the store counts in is the calendar's window: all its moments are in one period of the store, which ends
        /// with it, and the moments before and after are in others.
        #[test]
        fn the_stores_period_is_the_calendars(
            zone in prop::sample::select(vec!["Africa/Nairobi", "Europe/Warsaw", "America/St_Johns", "UTC"]),
            period in prop::sample::select(vec![
                Period::Every(Duration::from_secs(60)), Period::Every(Duration::from_secs(12345)), Period::Day, Period::Month,
            ]),
            // From 1971 to 2100.
            at in 31_536_000_000i64..4_102_444_800_000,
            inside in 0.0f64..1.0,
        ) {
            let zone = Zone::named(zone).unwrap();
            let window = period.window(Timestamp::from_millis(at), &zone);
            prop_assert!(window.start.as_millis() <= at && at < window.end.as_millis());
            let line = ChargeLine {
                key: RecordKey::new("k").unwrap(),
                amount: 1,
                cap: None,
                period: window.fixed_period(),
            };
            let length = window.end.since(window.start).as_millis() as f64;
            let some = Timestamp::from_millis(window.start.as_millis() + (length * inside) as i64);
            let last = Timestamp::from_millis(window.end.as_millis() - 1);
            let number = line.window(window.start);
            prop_assert_eq!(number, line.window(some));
            prop_assert_eq!(number, line.window(last));
            let late = line.window_end(last).since(window.end);
            prop_assert!(late < Duration::from_secs(120), "{:?}", late);
            // The next window counts elsewhere: by another length, or in another period of the same.
            let next = period.window(window.end, &zone);
            prop_assert!(
                next.fixed_period() != window.fixed_period() || line.window(next.start) != number
            );
        }
    }
}
