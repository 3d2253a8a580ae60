//! The `QUEUE_NATS_*` variables.

use std::fmt;
use std::time::Duration;

use super::options::{JetStreamOptions, Provisioning};

impl JetStreamOptions {
    /// Takes the address from `QUEUE_URL` and every setting from its `QUEUE_NATS_*` variable, where it is set and not
    /// empty:
    ///
    /// | Variable | Sets |
    /// | --- | --- |
    /// | `QUEUE_NATS_TOKEN` | [`token`](Self::token) |
    /// | `QUEUE_NATS_USER`, `QUEUE_NATS_PASSWORD` | [`user_and_password`](Self::user_and_password), both |
    /// | `QUEUE_NATS_NKEY` | [`nkey`](Self::nkey): the seed |
    /// | `QUEUE_NATS_CREDS` | [`credentials_file`](Self::credentials_file): a path |
    /// | `QUEUE_NATS_TLS`: `require`, `first` | [`require_tls`](Self::require_tls), [`tls_first`](Self::tls_first) |
    /// | `QUEUE_NATS_TLS_CA` | [`tls_ca`](Self::tls_ca): a path |
    /// | `QUEUE_NATS_TLS_CERT`, `QUEUE_NATS_TLS_KEY` | [`tls_identity`](Self::tls_identity): paths, both |
    /// | `QUEUE_NATS_DOMAIN` | [`domain`](Self::domain) |
    /// | `QUEUE_NATS_PING_INTERVAL_MS` | [`ping_interval`](Self::ping_interval) |
    /// | `QUEUE_NATS_WAIT_FOR_SERVER_MS` | [`wait_for_server`](Self::wait_for_server) |
    /// | `QUEUE_NATS_SYNC_ALWAYS`: `true`, `false` | [`sync_always`](Self::sync_always) |
    /// | `QUEUE_NATS_PROVISIONING`: `create`, `update`, `verify` | [`provisioning`](Self::provisioning) |
    /// | `QUEUE_NATS_REPLICAS` | [`replicas`](Self::replicas) |
    /// | `QUEUE_NATS_MESSAGES_MAX` | [`messages_max`](Self::messages_max) |
    /// | `QUEUE_NATS_BYTES_MAX` | [`bytes_max`](Self::bytes_max) |
    /// | `QUEUE_NATS_AGE_MAX_MS` | [`age_max`](Self::age_max) |
    /// | `QUEUE_NATS_EVENTS_AGE_MAX_MS` | [`events_age_max`](Self::events_age_max) |
    /// | `QUEUE_NATS_DUPLICATE_WINDOW_MS` | [`duplicate_window`](Self::duplicate_window) |
    /// | `QUEUE_NATS_ACK_WAIT_MS` | [`ack_wait`](Self::ack_wait) |
    /// | `QUEUE_NATS_RUNNING_MAX` | [`running_max`](Self::running_max) |
    ///
    /// # Errors
    /// [`JetStreamOptionsError`] names every variable that does not hold what it should, and none of their values.
    pub fn from_env() -> Result<Self, JetStreamOptionsError> {
        let url = std::env::var("QUEUE_URL").unwrap_or_default();
        Self::at(url).read_env()
    }

    /// Takes every setting but the address from its `QUEUE_NATS_*` variable: [`from_env`](Self::from_env).
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn read_env(self) -> Result<Self, JetStreamOptionsError> {
        self.read(&|name| std::env::var(name).ok())
    }

    fn read(
        self,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, JetStreamOptionsError> {
        let mut variables = Variables {
            variable,
            faults: Vec::new(),
        };
        let options = variables.apply(self);
        match variables.faults.is_empty() {
            true => Ok(options),
            false => Err(JetStreamOptionsError {
                faults: variables.faults,
            }),
        }
    }
}

struct Variables<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    faults: Vec<(&'static str, &'static str)>,
}

impl Variables<'_> {
    fn apply(&mut self, mut options: JetStreamOptions) -> JetStreamOptions {
        if let Some(token) = self.text("QUEUE_NATS_TOKEN") {
            options = options.token(token);
        }
        if let Some((user, password)) = self.pair("QUEUE_NATS_USER", "QUEUE_NATS_PASSWORD") {
            options = options.user_and_password(user, password);
        }
        if let Some(seed) = self.text("QUEUE_NATS_NKEY") {
            options = options.nkey(seed);
        }
        if let Some(path) = self.text("QUEUE_NATS_CREDS") {
            options = options.credentials_file(path);
        }
        match self.word(
            "QUEUE_NATS_TLS",
            &["require", "first"],
            "`require` or `first`",
        ) {
            Some("require") => options = options.require_tls(),
            Some(_) => options = options.tls_first(),
            None => {}
        }
        if let Some(path) = self.text("QUEUE_NATS_TLS_CA") {
            options = options.tls_ca(path);
        }
        if let Some((chain, key)) = self.pair("QUEUE_NATS_TLS_CERT", "QUEUE_NATS_TLS_KEY") {
            options = options.tls_identity(chain, key);
        }
        if let Some(domain) = self.text("QUEUE_NATS_DOMAIN") {
            options = options.domain(domain);
        }
        if let Some(time) = self.millis("QUEUE_NATS_PING_INTERVAL_MS") {
            options = options.ping_interval(time);
        }
        if let Some(time) = self.millis("QUEUE_NATS_WAIT_FOR_SERVER_MS") {
            options = options.wait_for_server(time);
        }
        if let Some(word) = self.word(
            "QUEUE_NATS_SYNC_ALWAYS",
            &["true", "false"],
            "`true` or `false`",
        ) {
            options = options.sync_always(word == "true");
        }
        options = match self.word(
            "QUEUE_NATS_PROVISIONING",
            &["create", "update", "verify"],
            "`create`, `update` or `verify`",
        ) {
            Some("create") => options.provisioning(Provisioning::Create),
            Some("update") => options.provisioning(Provisioning::Update),
            Some(_) => options.provisioning(Provisioning::Verify),
            None => options,
        };
        if let Some(number) = self.number("QUEUE_NATS_REPLICAS", 1, 5, "a number from 1 to 5") {
            options = options.replicas(usize::try_from(number).unwrap_or(1));
        }
        if let Some(number) = self.positive("QUEUE_NATS_MESSAGES_MAX") {
            options = options.messages_max(number);
        }
        if let Some(number) = self.positive("QUEUE_NATS_BYTES_MAX") {
            options = options.bytes_max(number);
        }
        if let Some(time) = self.millis("QUEUE_NATS_AGE_MAX_MS") {
            options = options.age_max(time);
        }
        if let Some(time) = self.millis("QUEUE_NATS_EVENTS_AGE_MAX_MS") {
            options = options.events_age_max(time);
        }
        if let Some(time) = self.millis("QUEUE_NATS_DUPLICATE_WINDOW_MS") {
            options = options.duplicate_window(time);
        }
        if let Some(time) = self.millis("QUEUE_NATS_ACK_WAIT_MS") {
            options = options.ack_wait(time);
        }
        let most = u64::from(u32::MAX);
        if let Some(jobs) = self.number("QUEUE_NATS_RUNNING_MAX", 1, most, "a number from 1") {
            options = options.running_max(u32::try_from(jobs).unwrap_or(u32::MAX));
        }
        options
    }

    fn text(&self, name: &str) -> Option<String> {
        let text = (self.variable)(name)?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Two variables of which neither means anything alone.
    fn pair(&mut self, one: &'static str, other: &'static str) -> Option<(String, String)> {
        match (self.text(one), self.text(other)) {
            (Some(first), Some(second)) => Some((first, second)),
            (None, None) => None,
            (Some(_), None) => self.fault(other, "set, as its fellow is"),
            (None, Some(_)) => self.fault(one, "set, as its fellow is"),
        }
    }

    fn word(
        &mut self,
        name: &'static str,
        words: &[&'static str],
        expected: &'static str,
    ) -> Option<&'static str> {
        let text = self.text(name)?.to_lowercase();
        let found = words.iter().find(|word| **word == text);
        found.copied().or_else(|| self.fault(name, expected))
    }

    fn millis(&mut self, name: &'static str) -> Option<Duration> {
        let most = 366 * 24 * 60 * 60 * 1000;
        let millis = self.number(name, 0, most, "milliseconds, at most a year of them")?;
        Some(Duration::from_millis(millis))
    }

    fn positive(&mut self, name: &'static str) -> Option<u64> {
        self.number(name, 1, i64::MAX.unsigned_abs(), "a number from 1")
    }

    fn number(
        &mut self,
        name: &'static str,
        min: u64,
        max: u64,
        expected: &'static str,
    ) -> Option<u64> {
        let text = self.text(name)?;
        let number = text.parse().ok();
        let number = number.filter(|number| (min..=max).contains(number));
        number.or_else(|| self.fault(name, expected))
    }

    fn fault<T>(&mut self, name: &'static str, expected: &'static str) -> Option<T> {
        self.faults.push((name, expected));
        None
    }
}

/// Variables that don't hold what they should: all of them, so that one restart mends them all. Never holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JetStreamOptionsError {
    faults: Vec<(&'static str, &'static str)>,
}

impl JetStreamOptionsError {
    /// The variables at fault, at least one, each with what it should hold.
    pub fn faults(&self) -> &[(&'static str, &'static str)] {
        &self.faults
    }
}

impl fmt::Display for JetStreamOptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, expected)) in self.faults.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{name} must be {expected}")?;
        }
        Ok(())
    }
}

impl std::error::Error for JetStreamOptionsError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<JetStreamOptions, JetStreamOptionsError> {
        JetStreamOptions::at("nats://a").read(&|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn every_variable_sets_its_option() {
        let options = read(&[
            ("QUEUE_NATS_TLS", "First"),
            ("QUEUE_NATS_TLS_CA", "ca.pem"),
            ("QUEUE_NATS_TLS_CERT", "cert.pem"),
            ("QUEUE_NATS_TLS_KEY", "key.pem"),
            ("QUEUE_NATS_DOMAIN", "hub"),
            ("QUEUE_NATS_PING_INTERVAL_MS", "1500"),
            ("QUEUE_NATS_WAIT_FOR_SERVER_MS", "0"),
            ("QUEUE_NATS_SYNC_ALWAYS", "true"),
            ("QUEUE_NATS_PROVISIONING", "verify"),
            ("QUEUE_NATS_REPLICAS", "3"),
            ("QUEUE_NATS_MESSAGES_MAX", "10"),
            ("QUEUE_NATS_BYTES_MAX", "2000"),
            ("QUEUE_NATS_AGE_MAX_MS", "3600000"),
            ("QUEUE_NATS_EVENTS_AGE_MAX_MS", "7200000"),
            ("QUEUE_NATS_DUPLICATE_WINDOW_MS", "60000"),
            ("QUEUE_NATS_ACK_WAIT_MS", "5000"),
            ("QUEUE_NATS_RUNNING_MAX", "64"),
        ])
        .unwrap();
        assert!(options.tls.required && options.tls.first);
        assert_eq!(options.tls.ca, Some("ca.pem".into()));
        assert_eq!(
            options.tls.identity,
            Some(("cert.pem".into(), "key.pem".into()))
        );
        assert_eq!(options.domain.as_deref(), Some("hub"));
        assert_eq!(options.ping_interval, Duration::from_millis(1500));
        assert_eq!(options.wait_for_server, Duration::ZERO);
        assert!(options.sync_always);
        assert_eq!(options.provisioning, Provisioning::Verify);
        assert_eq!(options.replicas, 3);
        assert_eq!(options.bounds("sms"), (10, 2000));
        assert_eq!(options.age_max, Duration::from_secs(3600));
        assert_eq!(options.events_age_max, Duration::from_secs(7200));
        assert_eq!(options.duplicate_window, Duration::from_secs(60));
        assert_eq!(options.ack_wait, Duration::from_secs(5));
        assert_eq!(options.running_max, 64);
    }

    #[test]
    fn each_login_has_its_variables() {
        let login = |variables: &[(&str, &str)]| format!("{:?}", read(variables).unwrap());
        assert!(login(&[]).contains("\"none\""));
        assert!(login(&[("QUEUE_NATS_TOKEN", "t")]).contains("\"token\""));
        let both = [("QUEUE_NATS_USER", "u"), ("QUEUE_NATS_PASSWORD", "p")];
        assert!(login(&both).contains("\"user and password\""));
        assert!(login(&[("QUEUE_NATS_NKEY", "SU")]).contains("\"nkey\""));
        assert!(login(&[("QUEUE_NATS_CREDS", "a.creds")]).contains("\"credentials\""));
    }

    #[test]
    fn bad_variables_are_all_named_and_their_values_are_not() {
        let error = read(&[
            ("QUEUE_NATS_USER", "hunter2"),
            ("QUEUE_NATS_TLS", "hunter2"),
            ("QUEUE_NATS_REPLICAS", "6"),
            ("QUEUE_NATS_MESSAGES_MAX", "-1"),
            ("QUEUE_NATS_PING_INTERVAL_MS", "hunter2"),
            ("QUEUE_NATS_PROVISIONING", "drop"),
        ])
        .unwrap_err();
        let named: Vec<_> = error.faults().iter().map(|(name, _)| *name).collect();
        let expected = [
            "QUEUE_NATS_PASSWORD",
            "QUEUE_NATS_TLS",
            "QUEUE_NATS_PING_INTERVAL_MS",
            "QUEUE_NATS_PROVISIONING",
            "QUEUE_NATS_REPLICAS",
            "QUEUE_NATS_MESSAGES_MAX",
        ];
        assert_eq!(named, expected);
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }
}
