//! Counters of fixed periods, and the charges that were added to them: what is stored, and what charges and refunds make of it.
//! A charge and all of its counters are written in one batch, each on condition that nobody changed it since it was read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::api::Stored;
use super::charging::{Done, Op};
use super::names::{escape, unescape};
use super::outgoing::Outgoing;
use super::records::{AT_ONCE, STREAM};
use super::shared::Shared;
use crate::backend::{
    BackendError, BackendErrorKind, CHARGE_AGE, Charge, ChargeLine, Charged, Counter,
    RECORDS_LISTED_MAX, RecordKey,
};
use crate::clock::Timestamp;

/// When a charge that was taken back counts as charged.
const FORGOTTEN_AT: Timestamp = Timestamp::from_millis(0);
/// How long that is kept; without it, it is not known either.
const FORGOTTEN_FOR: Duration = Duration::from_secs(60);

/// A counter: its key, the length of its periods in milliseconds, and the end of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Place {
    key: String,
    period: i64,
    ends_at: Timestamp,
}

impl Place {
    fn of(counter: &Counter) -> Self {
        Self {
            key: counter.key.as_str().to_owned(),
            period: counter.period_ms(),
            ends_at: counter.window_end(),
        }
    }

    /// The counters of a charge, in the order of its lines.
    pub(super) fn of_charge(charge: &Charge) -> Vec<Self> {
        let place = |line: &ChargeLine| Self {
            key: line.key.as_str().to_owned(),
            period: line.period_ms(),
            ends_at: line.window_end(charge.at),
        };
        charge.lines.iter().map(place).collect()
    }

    pub(super) fn subject(&self) -> String {
        let (period, end) = (self.period, self.ends_at.as_millis());
        format!("queue.counter.{period}.{end}.{}", escape(&self.key))
    }

    /// The message that sets it, if its last one is still at `sequence`.
    fn set(&self, total: u64, sequence: u64, now: Timestamp) -> Outgoing {
        let message =
            Outgoing::new(self.subject(), total.to_string().into_bytes()).expect(sequence);
        // A charge may be told a moment of a little ago, so an ended period is kept a little longer.
        let rest = self.ends_at.since(now).saturating_add(CHARGE_AGE);
        if rest > TTL_MAX {
            message.kept()
        } else {
            message.ttl(rest)
        }
    }
}

/// Longer ages are kept for ever; the server counts in 64 bits of nanoseconds.
const TTL_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// What is stored under a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Token {
    /// When it was last charged.
    charged_at: Timestamp,
    /// What was added to which counters.
    lines: Vec<(Place, u64)>,
}

impl Token {
    fn is_remembered(&self, now: Timestamp) -> bool {
        self.charged_at.saturating_add(CHARGE_AGE) > now
    }

    fn set(&self, subject: &str, sequence: u64) -> Result<Outgoing, BackendError> {
        let body = serde_json::to_vec(self).map_err(|error| {
            BackendError::new(BackendErrorKind::Io, "a charge can't be encoded").caused_by(error)
        })?;
        let age = match self.lines.is_empty() && self.charged_at == FORGOTTEN_AT {
            true => FORGOTTEN_FOR,
            false => CHARGE_AGE,
        };
        Ok(Outgoing::new(subject.to_owned(), body)
            .expect(sequence)
            .ttl(age))
    }

    /// One that was charged before any time that is remembered.
    fn forgotten() -> Self {
        Self {
            charged_at: FORGOTTEN_AT,
            lines: Vec::new(),
        }
    }

    /// Whether that is what is stored.
    pub(super) fn is_in(&self, stored: Option<&Stored>) -> bool {
        read_token(stored).as_ref() == Some(self)
    }
}

/// What a group of charges and refunds may change, read once and written in one batch: each of it on condition that nobody
/// changed it since it was read. Pure.
pub(super) struct Tab {
    now: Timestamp,
    tokens: BTreeMap<String, Entry<Option<Token>>>,
    counters: BTreeMap<Place, Entry<u64>>,
}

/// A value, where it was read, and whether it is another one by now.
pub(super) struct Entry<T> {
    value: T,
    sequence: u64,
    is_changed: bool,
}

impl Entry<()> {
    /// Each of them once.
    pub(super) fn distinct<K: Ord>(keys: impl Iterator<Item = K>) -> Vec<K> {
        keys.collect::<BTreeSet<K>>().into_iter().collect()
    }
}

impl<T> Entry<T> {
    fn read(value: T, stored: Option<&Stored>) -> Self {
        Self {
            value,
            sequence: stored.map_or(0, |stored| stored.sequence),
            is_changed: false,
        }
    }

    fn change(&mut self, value: T) {
        self.value = value;
        self.is_changed = true;
    }
}

impl Tab {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            now,
            tokens: BTreeMap::new(),
            counters: BTreeMap::new(),
        }
    }

    pub(super) fn put_token(&mut self, subject: String, stored: Option<&Stored>) {
        let token = read_token(stored);
        self.tokens.insert(subject, Entry::read(token, stored));
    }

    pub(super) fn put_counter(&mut self, place: Place, stored: Option<&Stored>) {
        self.counters
            .insert(place, Entry::read(total(stored), stored));
    }

    /// The counters of the charges that are to be taken back, as far as they are not here yet.
    pub(super) fn places_of_refunds(&self, ops: &[Op]) -> Vec<Place> {
        let refunds = ops.iter().filter(|op| matches!(op, Op::Refund(_)));
        let tokens = refunds.filter_map(|op| {
            let entry = self.tokens.get(&token_subject(op.token()))?;
            entry.value.as_ref()
        });
        let places = tokens.flat_map(|token| token.lines.iter().map(|(place, _)| place.clone()));
        let places = Entry::distinct(places).into_iter();
        places
            .filter(|place| !self.counters.contains_key(place))
            .collect()
    }

    /// What becomes of `op`, after those that were applied before it.
    pub(super) fn apply(&mut self, op: &Op) -> Done {
        match op {
            Op::Charge(charge) => Done::Charged(self.charge(charge)),
            Op::Refund(token) => Done::Refunded(self.refund(token)),
        }
    }

    fn charge(&mut self, charge: &Charge) -> Charged {
        let now = self.now;
        let places = Place::of_charge(charge);
        let token = self.tokens.entry(token_subject(&charge.token));
        let token = token.or_insert_with(|| Entry::read(None, None));
        if let Some(known) = token
            .value
            .as_ref()
            .filter(|known| known.is_remembered(now))
        {
            // A later attempt of the same job: from now on its token is remembered for as long again.
            let mut known = known.clone();
            known.charged_at = known.charged_at.max(now);
            token.change(Some(known));
            return Charged::AlreadyTaken;
        }
        let mut totals: BTreeMap<&Place, u64> = BTreeMap::new();
        let mut over: Option<(usize, Timestamp)> = None;
        for (number, (line, place)) in charge.lines.iter().zip(&places).enumerate() {
            let stored = self.counters.get(place).map_or(0, |counter| counter.value);
            let sum = totals.entry(place).or_insert(stored);
            *sum = sum.saturating_add(line.amount);
            if line.cap.is_some_and(|cap| *sum > cap)
                && over.is_none_or(|(_, latest)| latest < place.ends_at)
            {
                over = Some((number, place.ends_at));
            }
        }
        if let Some((line, until)) = over {
            return Charged::Over { line, until };
        }
        for (place, sum) in totals {
            let counter = self.counters.entry(place.clone());
            counter.or_insert_with(|| Entry::read(0, None)).change(sum);
        }
        let amounts = charge.lines.iter().map(|line| line.amount);
        token.change(Some(Token {
            charged_at: now,
            lines: places.iter().cloned().zip(amounts).collect(),
        }));
        Charged::Taken
    }

    fn refund(&mut self, token: &RecordKey) -> bool {
        let Some(entry) = self.tokens.get_mut(&token_subject(token)) else {
            return false;
        };
        let known = entry.value.as_ref();
        let Some(known) = known.filter(|known| known.is_remembered(self.now)).cloned() else {
            return false;
        };
        entry.change(Some(Token::forgotten()));
        for (place, amount) in known.lines {
            // One whose period ended long ago is not made again.
            if let Some(counter) = self.counters.get_mut(&place)
                && (counter.sequence > 0 || counter.is_changed)
            {
                counter.change(counter.value.saturating_sub(amount));
            }
        }
        true
    }

    /// What has to be written, all of it or nothing.
    pub(super) fn messages(&self) -> Result<Vec<Outgoing>, BackendError> {
        let mut messages = Vec::new();
        for (subject, entry) in self.tokens.iter().filter(|(_, entry)| entry.is_changed) {
            if let Some(token) = &entry.value {
                messages.push(token.set(subject, entry.sequence)?);
            }
        }
        for (place, entry) in self.counters.iter().filter(|(_, entry)| entry.is_changed) {
            messages.push(place.set(entry.value, entry.sequence, self.now));
        }
        Ok(messages)
    }

    /// The tokens that are written, by which a writer that lost the answer knows its own write again.
    pub(super) fn changed_tokens(&self) -> impl Iterator<Item = (&str, &Token)> {
        let changed = self.tokens.iter().filter(|(_, entry)| entry.is_changed);
        changed.filter_map(|(subject, entry)| Some((subject.as_str(), entry.value.as_ref()?)))
    }
}

/// How much a counter holds.
pub(super) async fn counted(shared: &Shared, counter: &Counter) -> Result<u64, BackendError> {
    shared.record_stream.prepare(shared).await?;
    let place = Place::of(counter);
    let stored = shared.api.last(STREAM, &place.subject()).await?;
    Ok(total(stored.as_ref()))
}

/// The counters of a period that hold something and whose keys begin with that of `prefix`.
pub(super) async fn counters(
    shared: &Shared,
    prefix: &Counter,
    after: Option<&RecordKey>,
    limit: usize,
) -> Result<Vec<(RecordKey, u64)>, BackendError> {
    shared.record_stream.prepare(shared).await?;
    let limit = limit.clamp(1, RECORDS_LISTED_MAX);
    let (period, end) = (prefix.period_ms(), prefix.window_end().as_millis());
    let filter = format!("queue.counter.{period}.{end}.*");
    let subjects = shared.api.subjects(STREAM, &filter).await?;
    let mut keys: Vec<RecordKey> = (subjects.iter())
        .filter_map(|subject| unescape(subject.rsplit('.').next()?))
        .filter(|key| key.starts_with(prefix.key.as_str()))
        .filter_map(|key| RecordKey::new(key).ok())
        .filter(|key| after.is_none_or(|after| key > after))
        .collect();
    keys.sort_unstable();
    let mut listed = Vec::new();
    for keys in keys.chunks(AT_ONCE) {
        let subjects: Vec<String> = (keys.iter())
            .map(|key| Place::of(&counter_at(prefix, key)).subject())
            .collect();
        let found = shared.api.last_of_each(STREAM, &subjects).await?;
        for (key, stored) in keys.iter().zip(found) {
            let total = total(stored.as_ref());
            if total > 0 {
                listed.push((key.clone(), total));
            }
            if listed.len() == limit {
                return Ok(listed);
            }
        }
    }
    Ok(listed)
}

/// The counter of this key in the period of `other`.
fn counter_at(other: &Counter, key: &RecordKey) -> Counter {
    Counter {
        key: key.clone(),
        ..*other
    }
}

pub(super) fn token_subject(token: &RecordKey) -> String {
    format!("queue.charge.{}", escape(token.as_str()))
}

fn read_token(stored: Option<&Stored>) -> Option<Token> {
    serde_json::from_slice(&stored?.payload).ok()
}

fn total(stored: Option<&Stored>) -> u64 {
    stored
        .and_then(|stored| std::str::from_utf8(&stored.payload).ok())
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn key(text: &str) -> RecordKey {
        RecordKey::new(text).unwrap()
    }

    fn charge(token: &str, amount: u64, cap: u64) -> Op {
        let line = ChargeLine {
            key: key("all"),
            amount,
            cap: Some(cap),
            period: Duration::from_secs(3600),
        };
        Op::Charge(Charge {
            token: key(token),
            lines: vec![line],
            at: NOW,
        })
    }

    fn total_of(tab: &Tab) -> u64 {
        tab.counters.values().map(|counter| counter.value).sum()
    }

    #[test]
    fn a_group_charges_up_to_the_cap_and_each_token_once() {
        let mut tab = Tab::new(NOW);
        let mut done = |token: &str, amount| tab.apply(&charge(token, amount, 5));
        assert_eq!(done("a", 2), Done::Charged(Charged::Taken));
        assert_eq!(done("a", 2), Done::Charged(Charged::AlreadyTaken));
        assert_eq!(done("b", 2), Done::Charged(Charged::Taken));
        let over = done("c", 2);
        assert!(
            matches!(over, Done::Charged(Charged::Over { line: 0, .. })),
            "{over:?}"
        );
        // A smaller one behind it still fits.
        assert_eq!(done("d", 1), Done::Charged(Charged::Taken));
        assert_eq!(total_of(&tab), 5);
        // Three tokens and the counter; nothing of what was refused.
        assert_eq!(tab.messages().unwrap().len(), 4);
        assert_eq!(tab.changed_tokens().count(), 3);
    }

    #[test]
    fn a_group_takes_back_what_it_charged() {
        let mut tab = Tab::new(NOW);
        tab.apply(&charge("a", 2, 5));
        tab.apply(&charge("b", 3, 5));
        assert_eq!(tab.apply(&Op::Refund(key("a"))), Done::Refunded(true));
        assert_eq!(tab.apply(&Op::Refund(key("a"))), Done::Refunded(false));
        assert_eq!(tab.apply(&Op::Refund(key("c"))), Done::Refunded(false));
        assert_eq!(tab.apply(&charge("a", 2, 5)), Done::Charged(Charged::Taken));
        assert_eq!(total_of(&tab), 5);
    }

    #[test]
    fn what_only_refuses_writes_nothing() {
        let mut tab = Tab::new(NOW);
        tab.apply(&charge("a", 6, 5));
        assert_eq!(tab.messages().unwrap().len(), 0);
    }
}
