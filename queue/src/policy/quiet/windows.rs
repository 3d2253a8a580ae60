//! [`SendWindows`]: when, on a recipient's own clock, messages may come. Pure.

use std::fmt;

use jiff::Span;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::day::Day;
use super::minute::{DAY_MINUTES, Minute};
use crate::clock::Timestamp;
use crate::policy::Zone;
use crate::policy::zone::instant;

/// How far ahead an opening is looked for, in days. Two weeks and a day: a weekly window that one change of the clocks
/// skips is there a week later.
const DAYS_AHEAD: i32 = 15;

/// The hours of the week at which messages may come, on the recipient's own clock.
///
/// A window contains its first minute and not its last; one that ends before it begins goes on past midnight. A moment is
/// open when clocks at the recipient *show* an open time: when they are put back, an hour may be open, closed and open
/// again.
///
/// # Examples
/// ```
/// use queue::policy::{Day, SendWindows, Zone};
///
/// // Weekdays from eight to eight, Saturdays until one.
/// let office = SendWindows::open(Day::WEEKDAYS, "08:00", "20:00")?.and(
///     [Day::Saturday], "09:00", "13:00")?;
/// let nairobi = Zone::named("Africa/Nairobi")?;
/// let saturday_afternoon = nairobi.moment("2026-01-03T15:00")?;
/// assert_eq!(office.next_open(saturday_afternoon, &nairobi), Some(nairobi.moment("2026-01-05T08:00")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SendWindows {
    /// For each day from Monday, in order and apart: `from..to` in minutes since midnight.
    open: [Vec<(u16, u16)>; 7],
}

impl SendWindows {
    /// Open on `days` from `from` until `to`, such as `08:00` and `20:00`; closed otherwise.
    ///
    /// # Errors
    /// [`SendWindowsError`]: a time is not of the form `HH:MM`, the two are equal, or there is no day.
    pub fn open(
        days: impl IntoIterator<Item = Day>,
        from: &str,
        to: &str,
    ) -> Result<Self, SendWindowsError> {
        let none = Self {
            open: Default::default(),
        };
        none.and(days, from, to)
    }

    /// Open at all hours of all days.
    pub fn always() -> Self {
        Self {
            open: std::array::from_fn(|_| vec![(0, DAY_MINUTES)]),
        }
    }

    /// Open at all hours but from `from` until `to`, such as `21:00` and `08:00`, every day.
    ///
    /// # Errors
    /// [`SendWindowsError`]: a time is not of the form `HH:MM`, or the two are equal.
    pub fn quiet(from: &str, to: &str) -> Result<Self, SendWindowsError> {
        let (start, end) = (from.parse::<Minute>()?, to.parse::<Minute>()?);
        if (start.0, end.0) == (0, DAY_MINUTES) {
            return Err(SendWindowsError::Empty);
        }
        Self::open(Day::ALL, to, from)
    }

    /// Open on `days` from `from` until `to` too.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn and(
        mut self,
        days: impl IntoIterator<Item = Day>,
        from: &str,
        to: &str,
    ) -> Result<Self, SendWindowsError> {
        let (from, to) = (from.parse::<Minute>()?.0, to.parse::<Minute>()?.0);
        if from % DAY_MINUTES == to % DAY_MINUTES && (from, to) != (0, DAY_MINUTES) {
            return Err(SendWindowsError::Empty);
        }
        let mut days = days.into_iter().peekable();
        if days.peek().is_none() {
            return Err(SendWindowsError::Empty);
        }
        for day in days {
            if from < to {
                self.add(day.index(), from, to);
            } else {
                self.add(day.index(), from, DAY_MINUTES);
                self.add((day.index() + 1) % 7, 0, to);
            }
        }
        Ok(self)
    }

    /// Whether `at` is open for a recipient in `zone`.
    pub fn is_open(&self, at: Timestamp, zone: &Zone) -> bool {
        self.shows_open(zone.inner().to_datetime(instant(at)))
    }

    /// The first moment from `at` on that is open for a recipient in `zone`; `None` when there is none within 15 days, as
    /// for a window that lies between two time zones' clocks.
    pub fn next_open(&self, at: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let (zone, start) = (zone.inner(), instant(at));
        if self.shows_open(zone.to_datetime(start)) {
            return Some(at);
        }
        // It opens when the clocks reach a window's beginning, or when they are moved into a window.
        let first = self
            .beginnings(start, zone)
            .chain(moves(start, zone))
            .filter(|&moment| moment > start && self.shows_open(zone.to_datetime(moment)));
        first
            .min()
            .map(|moment| Timestamp::from_millis(moment.as_millisecond()))
    }

    fn beginnings<'a>(
        &'a self,
        start: jiff::Timestamp,
        zone: &'a TimeZone,
    ) -> impl Iterator<Item = jiff::Timestamp> + 'a {
        let today = zone.to_datetime(start).date();
        let dates =
            (0..=DAYS_AHEAD).filter_map(move |days| today.checked_add(Span::new().days(days)).ok());
        dates.flat_map(move |date| {
            let day = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
            self.open[day].iter().flat_map(move |&(from, _)| {
                let begins = date.at(hour(from), minute(from), 0, 0);
                // Shown twice when clocks are put back; both are looked at.
                let shown = zone.to_ambiguous_timestamp(begins);
                [shown.earlier().ok(), shown.later().ok()]
                    .into_iter()
                    .flatten()
            })
        })
    }

    fn shows_open(&self, local: DateTime) -> bool {
        let day = usize::from(local.weekday().to_monday_zero_offset().unsigned_abs());
        let minute =
            u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        self.open[day]
            .iter()
            .any(|&(from, to)| from <= minute && minute < to)
    }

    /// Adds `from..to` and joins what it touches.
    fn add(&mut self, day: usize, from: u16, to: u16) {
        if from == to {
            return;
        }
        let windows = &mut self.open[day];
        windows.push((from, to));
        windows.sort_unstable();
        let mut joined: Vec<(u16, u16)> = Vec::with_capacity(windows.len());
        for &(from, to) in windows.iter() {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        *windows = joined;
    }
}

/// When the clocks of `zone` are moved, from `start` on.
fn moves(start: jiff::Timestamp, zone: &TimeZone) -> impl Iterator<Item = jiff::Timestamp> {
    let end = start
        .saturating_add(Span::new().hours(24 * i64::from(DAYS_AHEAD)))
        .unwrap_or(jiff::Timestamp::MAX);
    zone.following(start)
        .map(|change| change.timestamp())
        .take_while(move |&moment| moment <= end)
}

fn hour(minutes: u16) -> i8 {
    i8::try_from(minutes / 60).unwrap_or(0)
}

fn minute(minutes: u16) -> i8 {
    i8::try_from(minutes % 60).unwrap_or(0)
}

impl fmt::Debug for SendWindows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (day, windows) in Day::ALL.iter().zip(&self.open) {
            let show = |&(from, to): &(u16, u16)| {
                format!(
                    "{:02}:{:02}-{:02}:{:02}",
                    from / 60,
                    from % 60,
                    to / 60,
                    to % 60
                )
            };
            map.entry(day, &windows.iter().map(show).collect::<Vec<_>>());
        }
        map.finish()
    }
}

/// Windows that make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendWindowsError {
    /// The text is not a time of the day.
    #[error("`{text}` is not a time of the day: expected HH:MM, from 00:00 to 24:00")]
    Time {
        /// The text, at most 16 characters of it.
        text: String,
    },
    /// The window has no minute or no day, or the quiet hours leave none.
    #[error(
        "the window is empty: give it at least a day and a minute, and the whole day as 00:00 to 24:00"
    )]
    Empty,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::named(name).unwrap()
    }

    /// When it opens, as the zone's clocks show it.
    fn opens(windows: &SendWindows, zone: &Zone, local: &str) -> String {
        let opens = windows
            .next_open(zone.moment(local).unwrap(), zone)
            .unwrap();
        zone.inner().to_datetime(instant(opens)).to_string()
    }

    #[test]
    fn a_night_is_closed_on_both_sides_of_midnight() {
        let (night, nairobi) = (
            SendWindows::quiet("21:00", "08:00").unwrap(),
            zone("Africa/Nairobi"),
        );
        for (at, expected) in [
            ("2026-01-31T20:59:59", "2026-01-31T20:59:59"),
            ("2026-01-31T21:00", "2026-02-01T08:00:00"),
            ("2026-02-28T23:59", "2026-03-01T08:00:00"),
            ("2028-02-28T23:59", "2028-02-29T08:00:00"),
            ("2026-12-31T22:00", "2027-01-01T08:00:00"),
            ("2026-01-01T00:00", "2026-01-01T08:00:00"),
            ("2026-01-01T07:59:59", "2026-01-01T08:00:00"),
            ("2026-01-01T08:00", "2026-01-01T08:00:00"),
        ] {
            assert_eq!(opens(&night, &nairobi, at), expected, "{at}");
        }
    }

    #[test]
    fn windows_past_midnight_belong_to_the_day_they_begin_on() {
        let friday_night = SendWindows::open([Day::Friday], "22:00", "02:00").unwrap();
        // 2026-01-02 is a Friday.
        for (at, expected) in [
            ("2026-01-02T01:00", "2026-01-02T22:00:00"),
            ("2026-01-03T01:59", "2026-01-03T01:59:00"),
            ("2026-01-03T02:00", "2026-01-09T22:00:00"),
        ] {
            assert_eq!(opens(&friday_night, &Zone::UTC, at), expected, "{at}");
        }
        let sunday_night = SendWindows::open([Day::Sunday], "22:00", "02:00").unwrap();
        assert!(sunday_night.is_open(Zone::UTC.moment("2026-01-05T01:00").unwrap(), &Zone::UTC));
    }

    #[test]
    fn a_beginning_that_the_clocks_skip_opens_after_the_gap() {
        let early = SendWindows::open(Day::ALL, "02:30", "08:00").unwrap();
        // Clocks go from 02:00 to 03:00 on 2026-03-29.
        let warsaw = zone("Europe/Warsaw");
        assert_eq!(
            opens(&early, &warsaw, "2026-03-29T01:00"),
            "2026-03-29T03:00:00"
        );
        let skipped = SendWindows::open(Day::ALL, "02:10", "02:50").unwrap();
        assert_eq!(
            opens(&skipped, &warsaw, "2026-03-29T01:00"),
            "2026-03-30T02:10:00"
        );
        let weekly = SendWindows::open([Day::Sunday], "02:10", "02:50").unwrap();
        assert_eq!(
            opens(&weekly, &warsaw, "2026-03-29T01:00"),
            "2026-04-05T02:10:00"
        );
    }

    #[test]
    fn an_hour_that_the_clocks_show_twice_is_judged_by_what_they_show() {
        // Clocks go from 03:00 back to 02:00 on 2026-10-25, at 01:00 in Greenwich.
        let (warsaw, utc) = (zone("Europe/Warsaw"), Zone::UTC);
        let late = SendWindows::open(Day::ALL, "02:30", "08:00").unwrap();
        let at = |text: &str| utc.moment(text).unwrap();
        let next = |text: &str| late.next_open(at(text), &warsaw).unwrap();
        assert_eq!(next("2026-10-25T00:00"), at("2026-10-25T00:30"));
        assert!(late.is_open(at("2026-10-25T00:59"), &warsaw));
        // The second 02:00.
        assert!(!late.is_open(at("2026-10-25T01:00"), &warsaw));
        assert_eq!(next("2026-10-25T01:00"), at("2026-10-25T01:30"));
    }

    #[test]
    fn a_quiet_night_is_an_hour_longer_or_shorter_when_the_clocks_move() {
        let (night, warsaw) = (
            SendWindows::quiet("21:00", "08:00").unwrap(),
            zone("Europe/Warsaw"),
        );
        for (evening, hours) in [
            ("2026-03-27T21:00", 11),
            ("2026-03-28T21:00", 10),
            ("2026-10-24T21:00", 12),
        ] {
            let evening = warsaw.moment(evening).unwrap();
            let opens = night.next_open(evening, &warsaw).unwrap();
            assert_eq!(opens.since(evening), Duration::from_secs(hours * 3600));
        }
    }

    #[test]
    fn touching_windows_are_one_and_all_day_is_all_day() {
        let joined = SendWindows::open([Day::Monday], "08:00", "12:00").unwrap();
        let joined = joined.and([Day::Monday], "12:00", "18:00").unwrap();
        assert_eq!(
            joined,
            SendWindows::open([Day::Monday], "08:00", "18:00").unwrap()
        );
        let always = SendWindows::open(Day::ALL, "00:00", "24:00").unwrap();
        assert!(always.is_open(Timestamp::from_millis(0), &Zone::UTC));
        assert_eq!(format!("{joined:?}").matches("08:00-18:00").count(), 1);
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for wrong in [
            "", "8:00", "08:60", "24:01", "0800", "08:00:00", "ab:cd", "２1:00",
        ] {
            let error = SendWindows::open(Day::ALL, wrong, "10:00").unwrap_err();
            assert!(matches!(error, SendWindowsError::Time { .. }), "{wrong}");
        }
        let empty = Err(SendWindowsError::Empty);
        assert_eq!(SendWindows::open(Day::ALL, "08:00", "08:00"), empty);
        assert_eq!(SendWindows::open(Day::ALL, "24:00", "00:00"), empty);
        assert_eq!(SendWindows::open([], "08:00", "09:00"), empty);
        assert_eq!(SendWindows::quiet("00:00", "24:00"), empty);
        assert_eq!(SendWindows::quiet("08:00", "08:00"), empty);
    }

    proptest! {
        /// Against a walk through the minutes, over the changes of the clocks of zones with whole, half and quarter hours.
        #[test]
        fn the_next_opening_is_what_a_walk_through_the_minutes_finds(
            zone in prop::sample::select(vec![
                "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca",
            ]),
            day in 0i64..400,
            minute in 0i64..1440,
            from in 0u16..1440,
            length in 1u16..600,
        ) {
            let zone = Zone::named(zone).unwrap();
            let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
            let windows = SendWindows::open(Day::ALL, &clock(from), &clock((from + length) % 1440)).unwrap();
            let start = 1_767_225_600_000 + (day * 1440 + minute) * 60_000;
            let walked = (0..3 * 1440)
                .map(|minutes| Timestamp::from_millis(start + minutes * 60_000))
                .find(|&moment| windows.is_open(moment, &zone));
            prop_assert_eq!(windows.next_open(Timestamp::from_millis(start), &zone), walked);
        }
    }
}
