//! Where in the store things are: the spaces and keys of what is known of messages.

use crate::backend::{RecordKey, Space};
use crate::clock::Timestamp;
use crate::job::JobId;

/// What is known of each message, by provider and message id.
pub(super) const MESSAGES: Space = Space::new("delivery");
/// Which messages a job has.
pub(super) const JOBS: Space = Space::new("delivery_jobs");
/// Which messages are to be asked about, by provider and time.
pub(super) const POLLS: Space = Space::new("delivery_polls");

/// Longest provider name, in bytes.
const PROVIDER_BYTES_MAX: usize = 64;
/// Longest message id, in bytes. The longest that a provider documents has 38 (Africa's Talking, `ATXid_` and 32).
const MESSAGE_ID_BYTES_MAX: usize = 128;

/// The key of the message that `provider` calls `message_id`; `None` when the two can't be one.
pub(super) fn message(provider: &str, message_id: &str) -> Option<RecordKey> {
    let id_fits = !message_id.is_empty()
        && message_id.len() <= MESSAGE_ID_BYTES_MAX
        && message_id.bytes().all(|byte| byte.is_ascii_graphic());
    if !id_fits || !is_provider(provider) {
        return None;
    }
    RecordKey::new(format!("{provider}/{message_id}")).ok()
}

/// The key of what `attempt` at `job` sent, when `provider` did not say under which id. No message id holds a space.
pub(super) fn nameless(provider: &str, job: JobId, attempt: u16) -> Option<RecordKey> {
    if !is_provider(provider) {
        return None;
    }
    RecordKey::new(format!("{provider}/ {job} {attempt}")).ok()
}

/// The key that leads from `attempt` at `job` to the message under `message`.
pub(super) fn job(job: JobId, attempt: u16, message: &RecordKey) -> Option<RecordKey> {
    RecordKey::new(format!("{job}/{attempt:05}/{}", message.as_str())).ok()
}

/// Just before all keys of `job`.
pub(super) fn before_job(job: JobId) -> Option<RecordKey> {
    RecordKey::new(format!("{job}/")).ok()
}

/// The message that a key of `job` leads to; `None` when it is another job's.
pub(super) fn message_of(job: JobId, key: &RecordKey) -> Option<RecordKey> {
    let rest = key.as_str().strip_prefix(&format!("{job}/"))?;
    let (_, message) = rest.split_once('/')?;
    RecordKey::new(message).ok()
}

/// The key of the question about a message that is due at `due`.
pub(super) fn poll(provider: &str, due: Timestamp, message_id: &str) -> Option<RecordKey> {
    message(provider, message_id)?;
    let millis = due.as_millis().clamp(0, MILLIS_MAX);
    RecordKey::new(format!("{provider}/{millis:013}/{message_id}")).ok()
}

/// Thirteen digits: the year 2286.
const MILLIS_MAX: i64 = 9_999_999_999_999;

/// Just before all questions to `provider`.
pub(super) fn before_polls(provider: &str) -> Option<RecordKey> {
    RecordKey::new(format!("{provider}/")).ok()
}

/// When a question to `provider` is due, and about which message; `None` when it is another provider's.
pub(super) fn poll_of<'a>(provider: &str, key: &'a RecordKey) -> Option<(Timestamp, &'a str)> {
    let rest = key.as_str().strip_prefix(provider)?.strip_prefix('/')?;
    let (millis, message_id) = rest.split_once('/')?;
    Some((Timestamp::from_millis(millis.parse().ok()?), message_id))
}

fn is_provider(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= PROVIDER_BYTES_MAX
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_key_fits() {
        let (provider, id) = ("p".repeat(64), "i".repeat(128));
        let message = message(&provider, &id).unwrap();
        assert!(job(JobId::new(), u16::MAX, &message).is_some());
        assert!(poll(&provider, Timestamp::from_millis(i64::MAX), &id).is_some());
        assert!(nameless(&provider, JobId::new(), u16::MAX).is_some());
    }

    #[test]
    fn what_can_not_be_a_key_is_none() {
        for (provider, id) in [
            ("", "1"),
            ("a/b", "1"),
            ("a b", "1"),
            (&*"p".repeat(65), "1"),
            ("p", ""),
            ("p", "a b"),
            ("p", "é"),
            ("p", "a\n"),
            ("p", &*"i".repeat(129)),
        ] {
            assert!(message(provider, id).is_none(), "{provider} {id}");
        }
    }

    #[test]
    fn keys_lead_back() {
        let id = JobId::new();
        let message = message("salum", "a/b").unwrap();
        let key = job(id, 2, &message).unwrap();
        assert_eq!(message_of(id, &key), Some(message));
        assert_eq!(message_of(JobId::new(), &key), None);

        let due = Timestamp::from_millis(1_767_225_600_000);
        let key = poll("salum", due, "a/b").unwrap();
        assert_eq!(poll_of("salum", &key), Some((due, "a/b")));
        assert_eq!(poll_of("sal", &key), None);
    }

    #[test]
    fn questions_are_in_the_order_of_time() {
        let key = |millis| poll("p", Timestamp::from_millis(millis), "1").unwrap();
        assert!(key(-5) < key(999) && key(999) < key(1_000) && key(1_000) < key(i64::MAX));
        assert!(before_polls("p").unwrap() < key(0));
    }
}
