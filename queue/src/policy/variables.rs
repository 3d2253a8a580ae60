//! The `QUEUE_*` variables of policies: how they are read, and what is wrong with them.

use std::fmt;
use std::time::Duration;

/// Variables that don't hold what they should: all of them, so that one restart mends them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyVariablesError {
    faults: Vec<PolicyFault>,
}

/// A variable that doesn't hold what it should. Its value is not kept: it may be a secret in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyFault {
    /// The variable's name.
    pub variable: &'static str,
    /// What it should hold.
    pub expected: &'static str,
}

impl PolicyVariablesError {
    /// Every variable at fault, at least one.
    pub fn faults(&self) -> &[PolicyFault] {
        &self.faults
    }
}

impl fmt::Display for PolicyVariablesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.faults.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            let PolicyFault { variable, expected } = fault;
            write!(f, "{separator}{variable} must be {expected}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyVariablesError {}

/// A variable, and what it does to a `T`; `None` when it does not hold what is expected.
pub(super) struct Setting<T> {
    pub(super) variable: &'static str,
    pub(super) expected: &'static str,
    pub(super) apply: fn(&mut T, &str) -> Option<()>,
}

/// Takes what `variable` knows of `settings`; unset and empty ones change nothing.
pub(super) fn read<T>(
    settings: &[Setting<T>],
    target: &mut T,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(), PolicyVariablesError> {
    let mut faults = Vec::new();
    for setting in settings {
        let text = variable(setting.variable).unwrap_or_default();
        let text = text.trim();
        if !text.is_empty() && (setting.apply)(target, text).is_none() {
            faults.push(PolicyFault {
                variable: setting.variable,
                expected: setting.expected,
            });
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(PolicyVariablesError { faults })
}

/// The variables of this process.
pub(super) fn of_the_process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The parts of a list that commas separate; `None` when one of them is empty.
pub(super) fn list(text: &str) -> Option<Vec<&str>> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    parts.iter().all(|part| !part.is_empty()).then_some(parts)
}

/// Kinds of jobs, by their names.
pub(super) fn kinds(text: &str) -> Option<Vec<String>> {
    list(text)?.into_iter().map(kind).collect()
}

/// The name of a kind: letters, digits and what stands between words.
pub(super) fn kind(text: &str) -> Option<String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (!text.is_empty() && text.bytes().all(is_name)).then(|| text.to_owned())
}

/// A duration such as `30s`, `10m` or `1h`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let seconds: u64 = match unit.trim() {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return None,
    };
    let seconds = number.parse::<u64>().ok()?.checked_mul(seconds)?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Looks a variable up in a list.
    pub(in crate::policy) fn from(
        pairs: &[(&'static str, &'static str)],
    ) -> impl Fn(&str) -> Option<String> {
        let pairs = pairs.to_vec();
        move |name| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn durations_have_a_unit() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("2 h", 7200), ("1d", 86_400)] {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in [
            "",
            "30",
            "s",
            "-1s",
            "1.5h",
            "1w",
            "99999999999999999999s",
            "9999999999999999999h",
        ] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn lists_have_no_holes() {
        assert_eq!(
            kinds("otp, welcome"),
            Some(vec!["otp".into(), "welcome".into()])
        );
        for wrong in ["", "otp,", "otp,,welcome", "otp;welcome", "o tp"] {
            assert_eq!(kinds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn all_faults_are_told_at_once_without_values() {
        let settings = [
            Setting::<u8> {
                variable: "QUEUE_A",
                expected: "a",
                apply: |_, _| None,
            },
            Setting {
                variable: "QUEUE_B",
                expected: "b",
                apply: |to, _| {
                    *to += 1;
                    Some(())
                },
            },
            Setting {
                variable: "QUEUE_C",
                expected: "c",
                apply: |_, _| None,
            },
            Setting {
                variable: "QUEUE_D",
                expected: "d",
                apply: |_, _| None,
            },
        ];
        let mut target = 0;
        let variables = from(&[
            ("QUEUE_A", "canary"),
            ("QUEUE_B", "1"),
            ("QUEUE_C", "canary"),
            ("QUEUE_D", " "),
        ]);
        let error = read(&settings, &mut target, variables).unwrap_err();
        assert_eq!(error.to_string(), "QUEUE_A must be a; QUEUE_C must be c");
        assert_eq!((error.faults().len(), target), (2, 1));
    }
}
