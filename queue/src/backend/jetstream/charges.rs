//! Counters of fixed periods, and the charges that were added to them: the charge and all of its counters are written in one
//! batch, each on condition that nobody changed it since it was read.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::api::Stored;
use super::names::escape;
use super::outgoing::Outgoing;
use super::records::STREAM;
use super::refusal::Refusal;
use super::shared::Shared;
use crate::backend::{
    BackendError, BackendErrorKind, CHARGE_AGE, CHARGE_LINES_MAX, Charge, Charged, RecordKey,
};
use crate::clock::Timestamp;

/// How often a charge is tried anew because another one was first. Each time somebody got through.
const CONFLICTS_MAX: u32 = 400;
/// The longest pause before that.
const CONFLICT_PAUSE_MAX: Duration = Duration::from_millis(20);

/// A counter: its key, the length of its periods in milliseconds, and the end of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Counter {
    key: String,
    period: i64,
    ends_at: Timestamp,
}

impl Counter {
    fn subject(&self) -> String {
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
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Token {
    /// When it was last charged.
    charged_at: Timestamp,
    /// What was added to which counters.
    lines: Vec<(Counter, u64)>,
}

impl Token {
    fn is_remembered(&self, now: Timestamp) -> bool {
        self.charged_at.saturating_add(CHARGE_AGE) > now
    }

    fn set(&self, subject: &str, sequence: u64) -> Result<Outgoing, BackendError> {
        let body = serde_json::to_vec(self).map_err(|error| {
            BackendError::new(BackendErrorKind::Io, "a charge can't be encoded").caused_by(error)
        })?;
        Ok(Outgoing::new(subject.to_owned(), body)
            .expect(sequence)
            .ttl(CHARGE_AGE))
    }
}

/// Adds all lines to their counters, or none.
pub(super) async fn charge(shared: &Shared, charge: &Charge) -> Result<Charged, BackendError> {
    if charge.lines.len() > CHARGE_LINES_MAX {
        return Err(BackendError::new(
            BackendErrorKind::RecordTooLarge,
            format!(
                "{} lines in one charge, at most {CHARGE_LINES_MAX} are allowed",
                charge.lines.len()
            ),
        ));
    }
    shared.record_stream.prepare(shared).await?;
    let mut counters: Vec<Counter> = charge
        .lines
        .iter()
        .map(|line| Counter {
            key: line.key.as_str().to_owned(),
            period: line.period_ms(),
            ends_at: line.window_end(charge.at),
        })
        .collect();
    let of_line = counters.clone();
    counters.sort();
    counters.dedup();
    let token = token_subject(&charge.token);
    let mut subjects = vec![token.clone()];
    subjects.extend(counters.iter().map(Counter::subject));
    for tried in 0..CONFLICTS_MAX {
        pause(tried).await;
        let now = shared.clock.now();
        let mut found = shared
            .api
            .last_of_each(STREAM, &subjects)
            .await?
            .into_iter();
        let stored = found.next().flatten();
        let token_sequence = sequence(stored.as_ref());
        if let Some(mut known) =
            read_token(stored.as_ref()).filter(|known| known.is_remembered(now))
        {
            // A later attempt of the same job: from now on its token is remembered for as long again.
            known.charged_at = known.charged_at.max(now);
            match shared.api.publish(known.set(&token, token_sequence)?).await {
                Ok(_) => return Ok(Charged::AlreadyTaken),
                Err(Refusal::Conflict) => continue,
                Err(refusal) => return Err(refusal.into()),
            }
        }
        let mut totals: BTreeMap<&Counter, (u64, u64)> = BTreeMap::new();
        for (counter, stored) in counters.iter().zip(found) {
            totals.insert(counter, (total(stored.as_ref()), sequence(stored.as_ref())));
        }
        let mut over: Option<(usize, Timestamp)> = None;
        for (place, (line, counter)) in charge.lines.iter().zip(&of_line).enumerate() {
            let Some((sum, _)) = totals.get_mut(counter) else {
                continue;
            };
            let more = sum.saturating_add(line.amount);
            if line.cap.is_some_and(|cap| more > cap)
                && over.is_none_or(|(_, latest)| latest < counter.ends_at)
            {
                over = Some((place, counter.ends_at));
            }
            *sum = more;
        }
        if let Some((line, until)) = over {
            return Ok(Charged::Over { line, until });
        }
        let taken = Token {
            charged_at: now,
            lines: of_line
                .iter()
                .cloned()
                .zip(charge.lines.iter().map(|line| line.amount))
                .collect(),
        };
        let mut messages = vec![taken.set(&token, token_sequence)?];
        messages.extend(
            totals
                .iter()
                .map(|(counter, (sum, sequence))| counter.set(*sum, *sequence, now)),
        );
        match shared.api.publish_batch(&messages).await {
            Ok(_) => return Ok(Charged::Taken),
            Err(Refusal::Conflict) => {}
            // Stored or not: the token tells, but not whose it is; so it is asked as often as it takes.
            Err(Refusal::Unheard(error)) => {
                let stored = shared.api.last(STREAM, &token).await?;
                let is_ours = read_token(stored.as_ref())
                    .is_some_and(|known| known.charged_at == now && known.lines == taken.lines);
                if is_ours {
                    return Ok(Charged::Taken);
                }
                if tried > 10 {
                    return Err(error);
                }
            }
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Err(Refusal::Conflict.into())
}

/// Takes a charge back from its counters, as far as they are still kept, and forgets its token.
pub(super) async fn refund(shared: &Shared, token: &RecordKey) -> Result<bool, BackendError> {
    shared.record_stream.prepare(shared).await?;
    let subject = token_subject(token);
    for tried in 0..CONFLICTS_MAX {
        pause(tried).await;
        let now = shared.clock.now();
        let stored = shared.api.last(STREAM, &subject).await?;
        let Some(known) = read_token(stored.as_ref()).filter(|known| known.is_remembered(now))
        else {
            return Ok(false);
        };
        let mut amounts: BTreeMap<&Counter, u64> = BTreeMap::new();
        for (counter, amount) in &known.lines {
            let sum = amounts.entry(counter).or_default();
            *sum = sum.saturating_add(*amount);
        }
        let subjects: Vec<String> = amounts.keys().map(|counter| counter.subject()).collect();
        let found = shared.api.last_of_each(STREAM, &subjects).await?;
        // Forgotten: a token that was charged before any time that is remembered.
        let forgotten = Token {
            charged_at: Timestamp::from_millis(0),
            lines: Vec::new(),
        };
        let mut messages = vec![
            forgotten
                .set(&subject, sequence(stored.as_ref()))?
                .ttl(Duration::from_secs(60)),
        ];
        for ((counter, amount), stored) in amounts.iter().zip(found) {
            if let Some(stored) = stored {
                let left = total(Some(&stored)).saturating_sub(*amount);
                messages.push(counter.set(left, stored.sequence, now));
            }
        }
        match shared.api.publish_batch(&messages).await {
            Ok(_) => return Ok(true),
            Err(Refusal::Conflict | Refusal::Unheard(_)) => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Err(Refusal::Conflict.into())
}

fn token_subject(token: &RecordKey) -> String {
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

fn sequence(stored: Option<&Stored>) -> u64 {
    stored.map_or(0, |stored| stored.sequence)
}

/// Those who charge the same counter at once come back at different moments.
async fn pause(tried: u32) {
    if tried > 0 {
        let most = Duration::from_millis(u64::from(tried)).min(CONFLICT_PAUSE_MAX);
        tokio::time::sleep(most.mul_f64(fastrand::f64())).await;
    }
}
