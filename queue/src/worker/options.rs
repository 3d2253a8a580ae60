//! The settings of a worker: defaults, bounds, and the `QUEUE_*` variables.

use std::fmt;
use std::time::Duration;

use crate::backend::{KeyedLimit, LimitScope, RateLimit};
use crate::retry::Backoff;

/// Jobs that a worker runs at once, unless told otherwise.
pub const CONCURRENCY_DEFAULT: usize = 5;
/// The most jobs that one worker runs at once; run a second worker for more.
pub const CONCURRENCY_MAX: usize = 1024;
/// Starts that all workers of a queue make together, unless told otherwise: 10 per second.
pub const RATE_LIMIT_DEFAULT: RateLimit = RateLimit {
    count: 10,
    per: Duration::from_secs(1),
};
/// The shortest period of a rate limit.
pub const RATE_LIMIT_PERIOD_MIN: Duration = Duration::from_millis(1);
/// How long a lease is held without being extended, unless told otherwise.
pub const VISIBILITY_DEFAULT: Duration = Duration::from_secs(30);
/// The shortest visibility timeout: a third of it must outlast a slow disk.
pub const VISIBILITY_MIN: Duration = Duration::from_millis(100);
/// The longest visibility timeout: how long a job of a dead worker waits at most.
pub const VISIBILITY_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// How long one attempt may take, unless told otherwise.
pub const SEND_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// The shortest send timeout.
pub const SEND_TIMEOUT_MIN: Duration = Duration::from_millis(1);
/// The longest send timeout.
pub const SEND_TIMEOUT_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// How long [`run_until`](super::WorkerBuilder::run_until) lets running jobs finish, unless told otherwise.
pub const GRACE_DEFAULT: Duration = Duration::from_secs(20);

/// The settings of a worker; always within their bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Options {
    pub(super) concurrency: usize,
    pub(super) rate_limit: Option<RateLimit>,
    pub(super) recipient_limit: Option<RateLimit>,
    pub(super) tenant_limit: Option<RateLimit>,
    pub(super) visibility: Duration,
    pub(super) send_timeout: Duration,
    pub(super) grace: Duration,
    pub(super) backoff: Backoff,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrency: CONCURRENCY_DEFAULT,
            rate_limit: Some(RATE_LIMIT_DEFAULT),
            recipient_limit: None,
            tenant_limit: None,
            visibility: VISIBILITY_DEFAULT,
            send_timeout: SEND_TIMEOUT_DEFAULT,
            grace: GRACE_DEFAULT,
            backoff: Backoff::default(),
        }
    }
}

impl Options {
    pub(super) fn concurrency(&mut self, jobs: usize) {
        self.concurrency = jobs.clamp(1, CONCURRENCY_MAX);
    }

    pub(super) fn rate_limit(&mut self, count: u32, per: Duration) {
        self.rate_limit = Some(within(count, per));
    }

    pub(super) fn recipient_limit(&mut self, count: u32, per: Duration) {
        self.recipient_limit = Some(within(count, per));
    }

    pub(super) fn tenant_limit(&mut self, count: u32, per: Duration) {
        self.tenant_limit = Some(within(count, per));
    }

    /// The budgets of recipients and tenants, for a lease.
    pub(super) fn limits(&self) -> Vec<KeyedLimit> {
        [
            (LimitScope::Recipient, self.recipient_limit),
            (LimitScope::Tenant, self.tenant_limit),
        ]
        .into_iter()
        .filter_map(|(scope, rate)| Some(KeyedLimit { scope, rate: rate? }))
        .collect()
    }

    pub(super) fn visibility(&mut self, visibility: Duration) {
        self.visibility = visibility.clamp(VISIBILITY_MIN, VISIBILITY_MAX);
    }

    pub(super) fn send_timeout(&mut self, timeout: Duration) {
        self.send_timeout = timeout.clamp(SEND_TIMEOUT_MIN, SEND_TIMEOUT_MAX);
    }

    /// Takes what `variable` knows; nothing changes when any of it is bad.
    pub(super) fn read(
        &mut self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<(), WorkerOptionsError> {
        let mut read = *self;
        let mut faults = Vec::new();
        for setting in &SETTINGS {
            let Some(text) = variable(setting.variable).filter(|text| !text.trim().is_empty())
            else {
                continue;
            };
            if (setting.apply)(&mut read, text.trim()).is_none() {
                faults.push(OptionFault {
                    variable: setting.variable,
                    expected: setting.expected,
                });
            }
        }
        if faults.is_empty() {
            *self = read;
            Ok(())
        } else {
            Err(WorkerOptionsError { faults })
        }
    }
}

/// The limit, within its bounds.
fn within(count: u32, per: Duration) -> RateLimit {
    RateLimit {
        count: count.max(1),
        per: per.max(RATE_LIMIT_PERIOD_MIN),
    }
}

struct Setting {
    variable: &'static str,
    expected: &'static str,
    apply: fn(&mut Options, &str) -> Option<()>,
}

const SETTINGS: [Setting; 6] = [
    Setting {
        variable: "QUEUE_CONCURRENCY",
        expected: "a number of jobs from 1 to 1024",
        apply: |options, text| {
            let jobs = text.parse().ok()?;
            (1..=CONCURRENCY_MAX)
                .contains(&jobs)
                .then(|| options.concurrency(jobs))
        },
    },
    Setting {
        variable: "QUEUE_RATE_LIMIT",
        expected: "starts per time such as `10/1s`, `600/1m` or `5/250ms`, or `unlimited`",
        apply: |options, text| {
            options.rate_limit = limit(text)?;
            Some(())
        },
    },
    Setting {
        variable: "QUEUE_RECIPIENT_LIMIT",
        expected: "starts per time for one recipient such as `3/1m` or `20/24h`, or `unlimited`",
        apply: |options, text| {
            options.recipient_limit = limit(text)?;
            Some(())
        },
    },
    Setting {
        variable: "QUEUE_TENANT_LIMIT",
        expected: "starts per time for one tenant such as `5/1s` or `1000/1h`, or `unlimited`",
        apply: |options, text| {
            options.tenant_limit = limit(text)?;
            Some(())
        },
    },
    Setting {
        variable: "QUEUE_SEND_TIMEOUT_MS",
        expected: "milliseconds from 1 to 43200000",
        apply: |options, text| {
            let timeout = millis_within(text, SEND_TIMEOUT_MIN, SEND_TIMEOUT_MAX)?;
            options.send_timeout(timeout);
            Some(())
        },
    },
    Setting {
        variable: "QUEUE_VISIBILITY_MS",
        expected: "milliseconds from 100 to 43200000",
        apply: |options, text| {
            let visibility = millis_within(text, VISIBILITY_MIN, VISIBILITY_MAX)?;
            options.visibility(visibility);
            Some(())
        },
    },
];

/// A limit such as `10/1s`, `unlimited` for none; `None` when it is neither.
fn limit(text: &str) -> Option<Option<RateLimit>> {
    if text == "unlimited" {
        return Some(None);
    }
    let (count, per) = text.split_once('/')?;
    let count = count.trim().parse().ok().filter(|&count: &u32| count > 0)?;
    let per = duration(per.trim()).filter(|&per| per >= RATE_LIMIT_PERIOD_MIN)?;
    Some(Some(RateLimit { count, per }))
}

fn millis_within(text: &str, min: Duration, max: Duration) -> Option<Duration> {
    let duration = Duration::from_millis(text.parse().ok()?);
    (min..=max).contains(&duration).then_some(duration)
}

/// A duration such as `250ms`, `1s` or `1m`; a bare unit means one of it.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = if number.is_empty() {
        1
    } else {
        number.parse().ok()?
    };
    let millis: u64 = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// Variables that don't hold what they should: all of them, so that one restart mends them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerOptionsError {
    faults: Vec<OptionFault>,
}

/// A variable that doesn't hold what it should. Its value is not kept: it may be a secret in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OptionFault {
    /// The variable's name.
    pub variable: &'static str,
    /// What it should hold.
    pub expected: &'static str,
}

impl WorkerOptionsError {
    /// Every variable at fault, at least one.
    pub fn faults(&self) -> &[OptionFault] {
        &self.faults
    }
}

impl fmt::Display for WorkerOptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.faults.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(
                f,
                "{separator}{} must be {}",
                fault.variable, fault.expected
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for WorkerOptionsError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Options, WorkerOptionsError> {
        let mut options = Options::default();
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        options.read(variable).map(|()| options)
    }

    #[test]
    fn unset_and_empty_variables_leave_the_defaults() {
        assert_eq!(read(&[("QUEUE_CONCURRENCY", " ")]), Ok(Options::default()));
    }

    #[test]
    fn every_setting_has_its_variable() {
        let options = read(&[
            ("QUEUE_CONCURRENCY", "64"),
            ("QUEUE_RATE_LIMIT", "600/1m"),
            ("QUEUE_RECIPIENT_LIMIT", "3/1h"),
            ("QUEUE_TENANT_LIMIT", "50/s"),
            ("QUEUE_SEND_TIMEOUT_MS", "2500"),
            ("QUEUE_VISIBILITY_MS", "5000"),
        ])
        .unwrap();
        assert_eq!(options.concurrency, 64);
        let limit = RateLimit {
            count: 600,
            per: Duration::from_secs(60),
        };
        assert_eq!(options.rate_limit, Some(limit));
        let limits = [
            (LimitScope::Recipient, 3, 3600),
            (LimitScope::Tenant, 50, 1),
        ];
        let limits = limits.map(|(scope, count, seconds)| {
            let per = Duration::from_secs(seconds);
            let rate = RateLimit { count, per };
            KeyedLimit { scope, rate }
        });
        assert_eq!(options.limits(), limits);
        assert_eq!(options.send_timeout, Duration::from_millis(2500));
        assert_eq!(options.visibility, Duration::from_secs(5));
    }

    #[test]
    fn rate_limits_are_written_in_several_ways() {
        let limit = |text| read(&[("QUEUE_RATE_LIMIT", text)]).unwrap().rate_limit;
        assert_eq!(limit("unlimited"), None);
        assert_eq!(limit("10/s"), Some(RATE_LIMIT_DEFAULT));
        assert_eq!(limit("10 / 1 s"), Some(RATE_LIMIT_DEFAULT));
        assert_eq!(limit("10/1000ms"), Some(RATE_LIMIT_DEFAULT));
    }

    #[test]
    fn recipients_and_tenants_are_not_limited_unless_told() {
        assert!(Options::default().limits().is_empty());
        let unlimited = read(&[("QUEUE_TENANT_LIMIT", "unlimited")]).unwrap();
        assert!(unlimited.limits().is_empty());
    }

    #[test]
    fn all_bad_variables_are_named_in_one_error_without_their_values() {
        let error = read(&[
            ("QUEUE_CONCURRENCY", "0"),
            ("QUEUE_RATE_LIMIT", "canary"),
            ("QUEUE_RECIPIENT_LIMIT", "canary"),
            ("QUEUE_TENANT_LIMIT", "3"),
            ("QUEUE_SEND_TIMEOUT_MS", "-1"),
            ("QUEUE_VISIBILITY_MS", "99"),
        ])
        .unwrap_err();
        assert_eq!(error.faults().len(), SETTINGS.len());
        let text = error.to_string();
        for setting in &SETTINGS {
            assert!(text.contains(setting.variable), "{text}");
        }
        assert!(!text.contains("canary"));
        for bad in [
            "0/1s",
            "10/0s",
            "10/1",
            "10",
            "/1s",
            "10/1y",
            "10/99999999999999999999s",
        ] {
            assert!(read(&[("QUEUE_RATE_LIMIT", bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn settings_in_code_are_kept_within_their_bounds() {
        let mut options = Options::default();
        options.concurrency(0);
        options.visibility(Duration::ZERO);
        options.send_timeout(Duration::MAX);
        options.rate_limit(0, Duration::ZERO);
        assert_eq!(options.concurrency, 1);
        assert_eq!(options.visibility, VISIBILITY_MIN);
        assert_eq!(options.send_timeout, SEND_TIMEOUT_MAX);
        let slowest = RateLimit {
            count: 1,
            per: RATE_LIMIT_PERIOD_MIN,
        };
        assert_eq!(options.rate_limit, Some(slowest));
    }
}
