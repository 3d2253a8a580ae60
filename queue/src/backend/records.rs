//! [`Records`]: small durable facts beside jobs, such as opt-outs, spend counters and delivery reports.

use std::fmt;
use std::time::Duration;

use super::BackendError;
use crate::clock::Timestamp;
use crate::future::BoxFuture;
use crate::job::{LimitError, check_text};

/// Longest record key, in bytes.
pub const RECORD_KEY_BYTES_MAX: usize = 256;
/// Largest record, in bytes: what a payload may have.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;
/// Most records in one answer of [`Records::list`].
pub const RECORDS_LISTED_MAX: usize = 1000;
/// Most lines of one [`Charge`].
pub const CHARGE_LINES_MAX: usize = 16;
/// How long a charge's token is remembered after it was last charged: longer than any wait between two attempts
/// ([`WAIT_MAX`](crate::worker::WAIT_MAX) with its jitter), so that no attempt of a job is charged twice.
pub const CHARGE_AGE: Duration = Duration::from_secs(48 * 60 * 60);
/// Longest name of a space, in bytes.
const SPACE_BYTES_MAX: usize = 32;

/// Small durable facts beside jobs, shared by all who use the store: as durable as its jobs.
///
/// Two kinds of them. A *record* is a value under a key, replaced by compare-and-set. A *charge* adds to counters of fixed
/// periods, each with a cap, all of them or none.
pub trait Records: Send + Sync + 'static {
    /// The record under `key`; an expired one reads as absent.
    ///
    /// # Errors
    /// Any [`BackendErrorKind`](super::BackendErrorKind); so for all methods.
    fn get(
        &self,
        space: Space,
        key: RecordKey,
    ) -> BoxFuture<'_, Result<Option<Record>, BackendError>>;

    /// Stores `value` under `key` if what is there is as `expect` says; resolves when it is durable.
    ///
    /// # Errors
    /// [`RecordTooLarge`](super::BackendErrorKind::RecordTooLarge) above [`RECORD_BYTES_MAX`].
    ///
    /// # Cancel safety
    /// Dropping the future leaves the record either stored or not; so for all methods.
    fn put(
        &self,
        space: Space,
        key: RecordKey,
        value: Vec<u8>,
        expect: Expect,
        expires_at: Option<Timestamp>,
    ) -> BoxFuture<'_, Result<Put, BackendError>>;

    /// Removes a record, and says whether there was one.
    fn remove(&self, space: Space, key: RecordKey) -> BoxFuture<'_, Result<bool, BackendError>>;

    /// The records of `space` in the order of their keys' bytes, after `after`, at most `limit` (1 to
    /// [`RECORDS_LISTED_MAX`]; others are clamped).
    fn list(
        &self,
        space: Space,
        after: Option<RecordKey>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(RecordKey, Record)>, BackendError>>;

    /// Adds all lines to their counters, or none when one of them would go over its cap. A token is charged once: as long
    /// as it is remembered ([`CHARGE_AGE`]), the same token again changes no counter.
    ///
    /// # Errors
    /// [`RecordTooLarge`](super::BackendErrorKind::RecordTooLarge) above [`CHARGE_LINES_MAX`] lines.
    fn charge(&self, charge: Charge) -> BoxFuture<'_, Result<Charged, BackendError>>;

    /// Takes a charge back, from each of its counters whose period has not ended, and forgets its token: what was charged
    /// for surely did not happen. Says whether the token was known.
    fn refund(&self, token: RecordKey) -> BoxFuture<'_, Result<bool, BackendError>>;

    /// How much one counter holds: what was charged to it in its period and not taken back.
    fn counted(&self, counter: Counter) -> BoxFuture<'_, Result<u64, BackendError>>;

    /// The counters of one period that hold something and whose keys begin with `prefix`, in the order of their keys'
    /// bytes, after `after`, at most `limit` (1 to [`RECORDS_LISTED_MAX`]; others are clamped). `prefix` names the period
    /// too, by its length and a moment in it.
    ///
    /// For a person or a dashboard: where counters are on a server, all of the period are looked through.
    fn counters(
        &self,
        prefix: Counter,
        after: Option<RecordKey>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(RecordKey, u64)>, BackendError>>;
}

/// A kind of records, such as `suppression`: keys of different spaces never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space(&'static str);

impl Space {
    /// The space called `name`. Meant for constants, so that a bad name does not compile.
    ///
    /// # Panics
    /// When `name` does not have 1 to 32 characters of `a-z`, `0-9` and `_`.
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(
            !bytes.is_empty() && bytes.len() <= SPACE_BYTES_MAX,
            "a space's name has 1 to 32 characters"
        );
        let mut at = 0;
        while at < bytes.len() {
            assert!(
                matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'_'),
                "a space's name has characters of a-z, 0-9 and _ only"
            );
            at += 1;
        }
        Self(name)
    }

    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// The key of a record, a counter or a charge: 1 to 256 bytes of text without control characters.
///
/// `Debug` hides it, because a key may hold a recipient.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey(String);

impl RecordKey {
    /// Checks and takes `text`.
    ///
    /// # Errors
    /// [`LimitError`] when it is empty, too long or holds control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, LimitError> {
        let text = text.into();
        check_text("record key", &text, RECORD_KEY_BYTES_MAX)?;
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordKey([redacted])")
    }
}

/// What is stored under a key. `Debug` shows the size of the value only.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The value.
    pub value: Vec<u8>,
    /// Another one after each [`put`](Records::put) to the key, also when it was removed in between.
    pub revision: u64,
    /// It is gone from this moment on.
    pub expires_at: Option<Timestamp>,
}

impl Record {
    /// Whether it is gone at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("value_bytes", &self.value.len())
            .field("revision", &self.revision)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

/// What must be under a key for a [`put`](Records::put) to replace it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Anything or nothing.
    Any,
    /// Nothing, or an expired record.
    Absent,
    /// The record with this revision.
    Revision(u64),
}

/// What became of a [`put`](Records::put).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// Stored.
    Stored {
        /// The record's revision now.
        revision: u64,
    },
    /// Not stored: what is under the key is not what was expected.
    Conflict,
}

/// What is to be added to counters, all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Whose charge it is, such as a job's id: the same token is charged once.
    pub token: RecordKey,
    /// What is added to which counters; at most [`CHARGE_LINES_MAX`]. Two lines may name the same counter.
    pub lines: Vec<ChargeLine>,
    /// When: it says which period each line falls into.
    pub at: Timestamp,
}

/// What is added to one counter. A counter is a key with a period: the same key with another period is another counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeLine {
    /// The counter's key.
    pub key: RecordKey,
    /// How much is added.
    pub amount: u64,
    /// The most that the counter may hold after it; `None` only counts.
    pub cap: Option<u64>,
    /// How long a period is, from 1 ms; shorter ones count as 1 ms. Periods are fixed: one begins at each multiple of it
    /// since 1970.
    pub period: Duration,
}

impl ChargeLine {
    /// The length of a period in milliseconds.
    pub fn period_ms(&self) -> i64 {
        period_ms(self.period)
    }

    /// The number of the period that `at` falls into.
    pub fn window(&self, at: Timestamp) -> i64 {
        at.as_millis().div_euclid(self.period_ms())
    }

    /// When the period that `at` falls into ends.
    pub fn window_end(&self, at: Timestamp) -> Timestamp {
        window_end(self.period, at)
    }
}

fn period_ms(period: Duration) -> i64 {
    i64::try_from(period.as_millis()).unwrap_or(i64::MAX).max(1)
}

fn window_end(period: Duration, at: Timestamp) -> Timestamp {
    let period = period_ms(period);
    let next = at.as_millis().div_euclid(period).saturating_add(1);
    Timestamp::from_millis(next.saturating_mul(period))
}

/// One counter in one of its periods, to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Its key, as the [`ChargeLine`] had it.
    pub key: RecordKey,
    /// How long a period is, as the [`ChargeLine`] had it.
    pub period: Duration,
    /// A moment in the period. Periods that ended are kept for [`CHARGE_AGE`].
    pub at: Timestamp,
}

impl Counter {
    /// The length of a period in milliseconds.
    pub fn period_ms(&self) -> i64 {
        period_ms(self.period)
    }

    /// When the period ends.
    pub fn window_end(&self) -> Timestamp {
        window_end(self.period, self.at)
    }
}

/// What became of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charged {
    /// All lines were added.
    Taken,
    /// The token was charged before; nothing was added.
    AlreadyTaken,
    /// Nothing was added: a line would go over its cap.
    Over {
        /// Which line, from 0. When several would, the one whose period ends last, and of those the first.
        line: usize,
        /// When that line's period ends.
        until: Timestamp,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(period: Duration) -> ChargeLine {
        ChargeLine {
            key: RecordKey::new("k").unwrap(),
            amount: 1,
            cap: None,
            period,
        }
    }

    #[test]
    fn periods_begin_at_multiples_since_1970() {
        let hour = line(Duration::from_secs(3600));
        let at = Timestamp::from_millis(7_199_999);
        assert_eq!(
            (hour.window(at), hour.window_end(at).as_millis()),
            (1, 7_200_000)
        );
        let before = Timestamp::from_millis(-1);
        assert_eq!(
            (hour.window(before), hour.window_end(before).as_millis()),
            (-1, 0)
        );
        assert_eq!(line(Duration::ZERO).period_ms(), 1);
        let for_ever = line(Duration::MAX);
        assert_eq!(for_ever.window(at), 0);
        assert_eq!(for_ever.window_end(at).as_millis(), i64::MAX);
    }

    #[test]
    fn nothing_of_a_record_is_shown() {
        let record = Record {
            value: b"canary".to_vec(),
            revision: 7,
            expires_at: None,
        };
        let key = RecordKey::new("canary").unwrap();
        let shown = format!("{record:?} {key:?}");
        assert!(!shown.contains("canary") && shown.contains('6'), "{shown}");
    }

    #[test]
    fn keys_are_bounded() {
        assert!(RecordKey::new("+254712345678 é").is_ok());
        assert!(RecordKey::new("a\nb").is_err());
        assert!(RecordKey::new("").is_err());
        assert!(RecordKey::new("k".repeat(257)).is_err());
    }
}
