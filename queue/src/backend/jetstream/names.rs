//! [`Names`]: the streams, consumers and subjects of one queue. Pure.
//!
//! | Stream | Subjects |
//! | --- | --- |
//! | `SMS` | `sms.send.PRIORITY.SHARD.JOB.TENANT` ready, `sms.schedule.STATE.JOB` waiting, `sms.key.KEY` keys |
//! | `SMS_EVENTS` | `sms.status.JOB` the record of a job |
//! | `SMS_DEAD` | `sms.dead.JOB`, `sms.unknown.JOB`, `sms.parked.JOB` bodies set aside, `sms.foreign.SEQUENCE` |
//! | `SMS_LIMITS` | `sms.count.STATE.SLOT` how many jobs ended |

use crate::backend::LimitScope;
use crate::job::{IdempotencyKey, JobId, Priority, State, Tenant};

/// The shard of every job. The token is there so that a queue can be split later without new subjects.
const SHARD: &str = "0";
/// Stands for the absent tenant, or key. [`escape`] never yields it.
const NONE: &str = "_";

/// What everything of a queue is called on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) queue: String,
    prefix: String,
    /// The work stream.
    pub(super) work: String,
    /// The stream of the records.
    pub(super) events: String,
    /// The stream of the bodies that are set aside.
    pub(super) dead: String,
    /// The stream of the counters.
    pub(super) limits: String,
}

impl Names {
    pub(super) fn of(queue: &str) -> Self {
        let prefix = escape(queue);
        let work = prefix.to_uppercase();
        Self {
            queue: queue.to_owned(),
            events: format!("{work}_EVENTS"),
            dead: format!("{work}_DEAD"),
            limits: format!("{work}_LIMITS"),
            prefix,
            work,
        }
    }

    /// What the stream of jobs holds.
    pub(super) fn work_subjects(&self) -> Vec<String> {
        self.below(&["send", "schedule", "key"])
    }

    /// What the stream of records holds.
    pub(super) fn events_subjects(&self) -> Vec<String> {
        self.below(&["status"])
    }

    /// What the stream of set-aside jobs holds.
    pub(super) fn dead_subjects(&self) -> Vec<String> {
        self.below(&["dead", "unknown", "parked", "foreign"])
    }

    /// What the stream of counters holds.
    pub(super) fn limits_subjects(&self) -> Vec<String> {
        self.below(&["count"])
    }

    fn below(&self, parts: &[&str]) -> Vec<String> {
        let subject = |part: &&str| format!("{}.{part}.>", self.prefix);
        parts.iter().map(subject).collect()
    }

    /// The durable consumer of a priority.
    pub(super) fn consumer(priority: Priority) -> String {
        format!("send-{priority}")
    }

    /// Where a job waits for a worker.
    pub(super) fn send(&self, priority: Priority, tenant: Option<&Tenant>, job: JobId) -> String {
        let tenant = tenant.map(|tenant| escape(tenant.as_str()));
        let tenant = tenant.as_deref().unwrap_or(NONE);
        let mut job_text = [0; JobId::TEXT_BYTES];
        let job = job.encode(&mut job_text);
        join(&[&self.prefix, "send", priority.as_str(), SHARD, job, tenant])
    }

    /// The jobs of a priority that wait for a worker.
    pub(super) fn ready_filter(&self, priority: Priority) -> String {
        format!("{}.send.{priority}.>", self.prefix)
    }

    /// All jobs that wait for a worker.
    pub(super) fn send_all(&self) -> String {
        format!("{}.send.>", self.prefix)
    }

    /// A job that waits for a worker, whatever its priority and tenant. The server walks a subject from its beginning, so the
    /// wildcards before the job stand for few tokens: behind them the tenants would each be a branch to look into.
    pub(super) fn send_of(&self, job: JobId) -> String {
        format!("{}.send.*.*.{job}.*", self.prefix)
    }

    /// Where a job waits for its time.
    pub(super) fn schedule(&self, state: State, job: JobId) -> String {
        format!("{}.schedule.{state}.{job}", self.prefix)
    }

    /// The jobs in `state` that wait for their time.
    pub(super) fn schedule_state(&self, state: State) -> String {
        format!("{}.schedule.{state}.*", self.prefix)
    }

    /// All jobs that wait for their time.
    pub(super) fn schedule_all(&self) -> String {
        format!("{}.schedule.>", self.prefix)
    }

    /// A job that waits for its time, whatever its state.
    pub(super) fn schedule_of(&self, job: JobId) -> String {
        format!("{}.schedule.*.{job}", self.prefix)
    }

    /// The holder of an idempotency key.
    pub(super) fn key(&self, key: &IdempotencyKey) -> String {
        format!("{}.key.{}", self.prefix, escape(key.as_str()))
    }

    /// The first message of the work stream, which no key is like.
    pub(super) fn anchor(&self) -> String {
        format!("{}.key.{NONE}", self.prefix)
    }

    /// The shared rate.
    pub(super) fn rate(&self) -> String {
        format!("{}.status.rate", self.prefix)
    }

    /// The budget of a recipient or tenant.
    pub(super) fn limit(&self, scope: LimitScope, period_ms: u64, key: &str) -> String {
        let scope = scope.as_str();
        format!("{}.status.limit.{scope}.{period_ms}.{key}", self.prefix)
    }

    /// The record of a job.
    pub(super) fn status(&self, job: JobId) -> String {
        join(&[
            &self.prefix,
            "status",
            job.encode(&mut [0; JobId::TEXT_BYTES]),
        ])
    }

    /// All records.
    pub(super) fn status_all(&self) -> String {
        format!("{}.status.*", self.prefix)
    }

    /// The body of a job in `state` that is set aside: dead, unknown or parked.
    pub(super) fn aside(&self, state: State, job: JobId) -> String {
        format!("{}.{state}.{job}", self.prefix)
    }

    /// All bodies of jobs in `state`.
    pub(super) fn aside_all(&self, state: State) -> String {
        format!("{}.{state}.*", self.prefix)
    }

    /// A message of the work stream that is not ours.
    pub(super) fn foreign(&self, sequence: u64) -> String {
        format!("{}.foreign.{sequence}", self.prefix)
    }

    /// How many jobs reached `state` in a slot of time.
    pub(super) fn count(&self, state: State, slot: u64) -> String {
        format!("{}.{state}.{slot}", self.count_prefix())
    }

    /// All counters are below it.
    pub(super) fn count_prefix(&self) -> String {
        format!("{}.count", self.prefix)
    }
}

/// A subject of these tokens. Subjects are made for each message, and formatting costs four times as much.
fn join(tokens: &[&str]) -> String {
    tokens.join(".")
}

/// The job that a subject is about.
pub(super) fn job_of(subject: &str) -> Option<JobId> {
    let mut tokens = subject.split('.');
    let job = match tokens.nth(1)? {
        "send" => tokens.nth(2),
        _ => tokens.next_back(),
    };
    job?.parse().ok()
}

/// `text` as one subject token: ASCII letters, digits and `-` stand for themselves, every other byte is `=` and two
/// hexadecimal digits, so that dots, spaces, wildcards and any UTF-8 come back as they were.
pub(super) fn escape(text: &str) -> String {
    let mut token = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            token.push(char::from(byte));
        } else {
            token.push('=');
            for digit in [byte >> 4, byte & 15] {
                token.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    token
}

/// The text that [`escape`] made a token of.
pub(super) fn unescape(token: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = token.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'=' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_one_token_and_comes_back(text in ".{1,64}") {
            let token = escape(&text);
            prop_assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'='));
            prop_assert_ne!(token.as_str(), NONE);
            prop_assert_eq!(unescape(&token), Some(text));
        }
    }

    #[test]
    fn names_are_those_that_operators_know() {
        let names = Names::of("sms");
        assert_eq!(
            (
                names.work.as_str(),
                names.events.as_str(),
                names.dead.as_str()
            ),
            ("SMS", "SMS_EVENTS", "SMS_DEAD")
        );
        let job: JobId = "01980a5e-7c00-7000-8000-000000000000".parse().unwrap();
        let tenant = Tenant::new("a.b *>").unwrap();
        assert_eq!(
            names.send(Priority::High, Some(&tenant), job),
            "sms.send.high.0.01980a5e-7c00-7000-8000-000000000000.a=2Eb=20=2A=3E"
        );
        let tenant = Tenant::new("01980a5e-7c00-7000-8000-00000000000f").unwrap();
        for subject in [
            names.send(Priority::Low, None, job),
            names.send(Priority::Low, Some(&tenant), job),
            names.schedule(State::Scheduled, job),
            names.status(job),
            names.aside(State::Parked, job),
        ] {
            assert_eq!(job_of(&subject), Some(job), "{subject}");
        }
        assert_eq!(job_of("sms.send.elsewhere"), None);
        assert_eq!(job_of("sms"), None);
    }
}
