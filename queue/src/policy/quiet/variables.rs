//! The `QUEUE_QUIET_*` variables of [`QuietHours`], and `QUEUE_SEND_WINDOWS`.

use super::day::Day;
use super::hours::QuietHours;
use super::windows::SendWindows;
use crate::job::{Kind, Priority};
use crate::policy::Zone;
use crate::policy::variables::{PolicyVariablesError, Setting, kinds, list, of_the_process, read};

/// What variables say, of which two say the same.
struct Variables {
    hours: QuietHours,
    is_quiet_told: bool,
}

const SETTINGS: [Setting<Variables>; 6] = [
    Setting {
        variable: "QUEUE_QUIET_HOURS",
        expected: "two times of day such as `21:00-08:00`",
        apply: |variables, text| {
            let (from, to) = text.split_once('-')?;
            variables.hours.windows = SendWindows::quiet(from.trim(), to.trim()).ok()?;
            variables.is_quiet_told = true;
            Some(())
        },
    },
    Setting {
        variable: "QUEUE_SEND_WINDOWS",
        expected: "times by day such as `mon-fri 08:00-20:00, sat 09:00-13:00`, and unset where QUEUE_QUIET_HOURS is set",
        apply: |variables, text| {
            variables.hours.windows = windows(text)?;
            (!variables.is_quiet_told).then_some(())
        },
    },
    Setting {
        variable: "QUEUE_QUIET_URGENT_FROM",
        expected: "`critical`, `high`, `normal`, `low` or `none`",
        apply: |variables, text| {
            variables.hours.urgent_from = priority(text)?;
            Some(())
        },
    },
    Setting {
        variable: "QUEUE_QUIET_BEFORE_DEADLINE_FROM",
        expected: "`critical`, `high`, `normal`, `low` or `none`",
        apply: |variables, text| {
            variables.hours.before_deadline_from = priority(text)?;
            Some(())
        },
    },
    Setting {
        variable: "QUEUE_QUIET_EXEMPT_KINDS",
        expected: "kinds of jobs such as `otp, receipt`",
        apply: |variables, text| {
            variables.hours.exempt = kinds(text)?.into_iter().map(Kind::from).collect();
            Some(())
        },
    },
    Setting {
        variable: "QUEUE_QUIET_ZONE",
        expected: "a time zone such as `Africa/Nairobi`",
        apply: |variables, text| {
            variables.hours.fallback = vec![Zone::named(text).ok()?];
            Some(())
        },
    },
];

impl QuietHours {
    /// Takes the settings that variables say; unset and empty ones leave what was told before. Begin with
    /// [`SendWindows::always`] where nothing should wait unless a variable says so.
    ///
    /// | Variable | Sets | Default |
    /// | --- | --- | --- |
    /// | `QUEUE_QUIET_HOURS` | [quiet hours](SendWindows::quiet) of every day, `HH:MM-HH:MM` | the windows it was made with |
    /// | `QUEUE_SEND_WINDOWS` | [send windows](SendWindows::open) instead, by day: `mon` to `sun`, ranges such as `mon-fri`, or `daily` | the same |
    /// | `QUEUE_QUIET_URGENT_FROM` | [who never waits](Self::urgent_from) | `high` |
    /// | `QUEUE_QUIET_BEFORE_DEADLINE_FROM` | [who does not expire meanwhile](Self::before_deadline_from) | `normal` |
    /// | `QUEUE_QUIET_EXEMPT_KINDS` | [kinds that don't wait](Self::exempt_kind), instead of those told before | none |
    /// | `QUEUE_QUIET_ZONE` | the [zone](Self::fallback) of numbers whose country has none | `Africa/Nairobi` |
    ///
    /// # Errors
    /// [`PolicyVariablesError`]: every variable at fault, in one error.
    pub fn from_env(self) -> Result<Self, PolicyVariablesError> {
        self.with_variables(of_the_process)
    }

    fn with_variables(
        self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, PolicyVariablesError> {
        let mut variables = Variables {
            hours: self,
            is_quiet_told: false,
        };
        read(&SETTINGS, &mut variables, variable)?;
        Ok(variables.hours)
    }
}

fn windows(text: &str) -> Option<SendWindows> {
    let mut windows: Option<SendWindows> = None;
    for part in list(text)? {
        let (days, times) = part.split_once(char::is_whitespace)?;
        let (from, to) = times.trim().split_once('-')?;
        let (days, from, to) = (self::days(days)?, from.trim(), to.trim());
        let more = match windows {
            Some(windows) => windows.and(days, from, to),
            None => SendWindows::open(days, from, to),
        };
        windows = Some(more.ok()?);
    }
    windows
}

/// Days such as `sat` or `mon-fri`; a range may go on past Sunday.
fn days(text: &str) -> Option<Vec<Day>> {
    if text == "daily" {
        return Some(Day::ALL.to_vec());
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (day(first)?.index(), day(last)?.index());
    let count = (last + 7 - first) % 7 + 1;
    Some((0..count).map(|n| Day::ALL[(first + n) % 7]).collect())
}

fn day(text: &str) -> Option<Day> {
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let place = NAMES.iter().position(|name| *name == text)?;
    Some(Day::ALL[place])
}

fn priority(text: &str) -> Option<Option<Priority>> {
    match text {
        "none" => Some(None),
        _ => text.parse().ok().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::variables::tests::from;

    fn read_from(
        pairs: &[(&'static str, &'static str)],
    ) -> Result<QuietHours, PolicyVariablesError> {
        QuietHours::new(SendWindows::always()).with_variables(from(pairs))
    }

    #[test]
    fn every_setting_has_its_variable() {
        let hours = read_from(&[
            ("QUEUE_QUIET_HOURS", "21:00-08:00"),
            ("QUEUE_QUIET_URGENT_FROM", "critical"),
            ("QUEUE_QUIET_BEFORE_DEADLINE_FROM", "none"),
            ("QUEUE_QUIET_EXEMPT_KINDS", "otp, receipt"),
            ("QUEUE_QUIET_ZONE", "Europe/Warsaw"),
        ])
        .unwrap();
        assert_eq!(hours.windows, SendWindows::quiet("21:00", "08:00").unwrap());
        assert_eq!(hours.urgent_from, Some(Priority::Critical));
        assert_eq!(hours.before_deadline_from, None);
        assert_eq!(
            hours.exempt,
            [
                Kind::from("otp".to_owned()),
                Kind::from("receipt".to_owned())
            ]
        );
        assert_eq!(hours.fallback[0].name(), "Europe/Warsaw");
        let office = read_from(&[(
            "QUEUE_SEND_WINDOWS",
            "mon-fri 08:00-20:00, sat 09:00 - 13:00",
        )]);
        let expected = SendWindows::open(Day::WEEKDAYS, "08:00", "20:00").unwrap();
        let expected = expected.and([Day::Saturday], "09:00", "13:00").unwrap();
        assert_eq!(office.unwrap().windows, expected);
        let weekend = read_from(&[("QUEUE_SEND_WINDOWS", "sat-mon 09:00-13:00")]);
        let expected = [Day::Saturday, Day::Sunday, Day::Monday];
        let expected = SendWindows::open(expected, "09:00", "13:00").unwrap();
        assert_eq!(weekend.unwrap().windows, expected);
        let daily = read_from(&[("QUEUE_SEND_WINDOWS", "daily 00:00-24:00")]);
        assert_eq!(daily.unwrap().windows, SendWindows::always());
    }

    #[test]
    fn unset_and_empty_variables_change_nothing() {
        let hours = read_from(&[("QUEUE_QUIET_HOURS", " ")]).unwrap();
        assert_eq!(hours.windows, SendWindows::always());
        assert_eq!(hours.urgent_from, Some(Priority::High));
    }

    #[test]
    fn all_bad_variables_are_named_without_their_values() {
        let hours = QuietHours::new(SendWindows::always());
        let error = hours
            .with_variables(|_| Some("c@nary".to_owned()))
            .unwrap_err();
        let named: Vec<_> = error.faults().iter().map(|fault| fault.variable).collect();
        assert_eq!(named, SETTINGS.map(|setting| setting.variable));
        assert!(!error.to_string().contains("c@nary"));
    }

    #[test]
    fn what_is_not_understood_is_a_fault() {
        for (variable, value) in [
            ("QUEUE_QUIET_HOURS", "21:00"),
            ("QUEUE_QUIET_HOURS", "21:00-21:00"),
            ("QUEUE_QUIET_HOURS", "9pm-8am"),
            ("QUEUE_SEND_WINDOWS", "08:00-20:00"),
            ("QUEUE_SEND_WINDOWS", "monday 08:00-20:00"),
            ("QUEUE_SEND_WINDOWS", "mon 08:00-20:00,"),
            ("QUEUE_QUIET_URGENT_FROM", "soon"),
            ("QUEUE_QUIET_EXEMPT_KINDS", "otp,"),
            ("QUEUE_QUIET_ZONE", "Nairobi"),
        ] {
            let error = read_from(&[(variable, value)]).unwrap_err();
            assert_eq!(error.faults()[0].variable, variable, "{value}");
        }
        // Two that contradict each other.
        let error = read_from(&[
            ("QUEUE_QUIET_HOURS", "21:00-08:00"),
            ("QUEUE_SEND_WINDOWS", "daily 08:00-21:00"),
        ]);
        let error = error.unwrap_err();
        assert_eq!(error.faults()[0].variable, "QUEUE_SEND_WINDOWS");
    }
}
