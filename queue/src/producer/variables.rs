//! The `QUEUE_*` variables of a queue handle.

use std::time::Duration;

use crate::backend::{BackendError, BackendErrorKind, Retention};
use crate::job::{PAYLOAD_BYTES_MAX, UnknownPolicy};

/// The longest time that a variable may ask for: ten years.
const AGE_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// The largest payload that a variable may allow: what a message of a broker holds.
const PAYLOAD_BYTES_LIMIT: usize = 16 * PAYLOAD_BYTES_MAX;

/// What variables may set.
pub(super) struct Variables {
    pub(super) url: Option<String>,
    pub(super) retention: Retention,
    pub(super) payload_bytes_max: usize,
    pub(super) deduplication_window: Duration,
    pub(super) unknown: Option<UnknownPolicy>,
}

struct Setting {
    variable: &'static str,
    expected: &'static str,
    apply: fn(&mut Variables, &str) -> Option<()>,
}

const AGE: &str = "milliseconds from 0 to 315360000000";
const COUNT: &str = "a number of jobs";

const SETTINGS: [Setting; 8] = [
    Setting {
        variable: "QUEUE_URL",
        expected: "an address such as `file:./queue-data`",
        apply: |variables, text| {
            variables.url = Some(text.to_owned());
            Some(())
        },
    },
    Setting {
        variable: "QUEUE_RETENTION_COMPLETED_MS",
        expected: AGE,
        apply: |variables, text| age(text, &mut variables.retention.completed_age),
    },
    Setting {
        variable: "QUEUE_RETENTION_COMPLETED_COUNT",
        expected: COUNT,
        apply: |variables, text| number(text, &mut variables.retention.completed_count),
    },
    Setting {
        variable: "QUEUE_RETENTION_DEAD_MS",
        expected: AGE,
        apply: |variables, text| age(text, &mut variables.retention.dead_age),
    },
    Setting {
        variable: "QUEUE_RETENTION_DEAD_COUNT",
        expected: COUNT,
        apply: |variables, text| number(text, &mut variables.retention.dead_count),
    },
    Setting {
        variable: "QUEUE_PAYLOAD_BYTES_MAX",
        expected: "a number of bytes from 1 to 1048576",
        apply: |variables, text| {
            let bytes = text.parse().ok()?;
            (1..=PAYLOAD_BYTES_LIMIT)
                .contains(&bytes)
                .then(|| variables.payload_bytes_max = bytes)
        },
    },
    Setting {
        variable: "QUEUE_DEDUPLICATION_WINDOW_MS",
        expected: AGE,
        apply: |variables, text| age(text, &mut variables.deduplication_window),
    },
    Setting {
        variable: "QUEUE_UNKNOWN",
        expected: "`retry`, `stop` or `ask`",
        apply: |variables, text| {
            variables.unknown = Some(match text {
                "retry" => UnknownPolicy::Retry,
                "stop" => UnknownPolicy::Stop,
                "ask" => UnknownPolicy::Ask,
                _ => return None,
            });
            Some(())
        },
    },
];

impl Variables {
    /// Takes what `variable` knows. Every variable at fault is named in one error; its value is not, since it may be a secret
    /// in the wrong place.
    pub(super) fn read(
        &mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<(), BackendError> {
        let mut faults = Vec::new();
        for setting in &SETTINGS {
            let Some(text) = variable(setting.variable) else {
                continue;
            };
            let text = text.trim();
            if !text.is_empty() && (setting.apply)(self, text).is_none() {
                faults.push(format!("{} must be {}", setting.variable, setting.expected));
            }
        }
        if faults.is_empty() {
            return Ok(());
        }
        Err(BackendError::new(
            BackendErrorKind::Misconfigured,
            faults.join("; "),
        ))
    }
}

fn age(text: &str, to: &mut Duration) -> Option<()> {
    let age = Duration::from_millis(text.parse().ok()?);
    (age <= AGE_MAX).then(|| *to = age)
}

fn number(text: &str, to: &mut u64) -> Option<()> {
    *to = text.parse().ok()?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Variables, BackendError> {
        let mut variables = Variables {
            url: None,
            retention: Retention::default(),
            payload_bytes_max: PAYLOAD_BYTES_MAX,
            deduplication_window: Duration::ZERO,
            unknown: None,
        };
        let variable = |name: &str| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        variables.read(variable).map(|()| variables)
    }

    #[test]
    fn every_setting_has_its_variable() {
        let read = read(&[
            ("QUEUE_URL", "memory:"),
            ("QUEUE_RETENTION_COMPLETED_MS", "1000"),
            ("QUEUE_RETENTION_COMPLETED_COUNT", "7"),
            ("QUEUE_RETENTION_DEAD_MS", " 2000 "),
            ("QUEUE_RETENTION_DEAD_COUNT", "8"),
            ("QUEUE_PAYLOAD_BYTES_MAX", "1048576"),
            ("QUEUE_DEDUPLICATION_WINDOW_MS", "0"),
            ("QUEUE_UNKNOWN", "ask"),
        ])
        .unwrap();
        assert_eq!(read.url.as_deref(), Some("memory:"));
        assert_eq!(
            read.retention,
            Retention {
                completed_age: Duration::from_secs(1),
                completed_count: 7,
                dead_age: Duration::from_secs(2),
                dead_count: 8,
            }
        );
        assert_eq!(read.payload_bytes_max, PAYLOAD_BYTES_LIMIT);
        assert_eq!(read.deduplication_window, Duration::ZERO);
        assert_eq!(read.unknown, Some(UnknownPolicy::Ask));
    }

    #[test]
    fn all_bad_variables_are_named_in_one_error_without_their_values() {
        let bad: Vec<(&str, &str)> = SETTINGS
            .iter()
            .filter(|setting| setting.variable != "QUEUE_URL")
            .map(|setting| (setting.variable, "canary"))
            .collect();
        let error = read(&bad).err().unwrap();
        assert_eq!(error.kind(), BackendErrorKind::Misconfigured);
        let text = error.to_string();
        for (variable, _) in bad {
            assert!(text.contains(variable), "{text}");
        }
        assert!(!text.contains("canary"));
        for (variable, value) in [
            ("QUEUE_PAYLOAD_BYTES_MAX", "0"),
            ("QUEUE_PAYLOAD_BYTES_MAX", "1048577"),
            ("QUEUE_RETENTION_DEAD_MS", "315360000001"),
            ("QUEUE_RETENTION_DEAD_COUNT", "-1"),
        ] {
            assert!(read(&[(variable, value)]).is_err(), "{variable}={value}");
        }
    }

    #[test]
    fn unset_and_empty_variables_change_nothing() {
        let read = read(&[("QUEUE_URL", " "), ("QUEUE_UNKNOWN", "")]).unwrap();
        assert_eq!((read.url, read.unknown), (None, None));
        assert_eq!(read.retention, Retention::default());
    }
}
