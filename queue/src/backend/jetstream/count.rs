//! How many jobs completed, expired or were cancelled and are still kept: counters of the limits stream (ADR-49), one for each
//! state and slot of time, so that what retention deletes leaves the sum by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::header;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;

use super::api::Api;
use super::names::Names;
use super::outgoing::Outgoing;
use super::refusal::unanswered;
use crate::backend::BackendError;
use crate::clock::Timestamp;
use crate::job::State;

/// The states that are counted. The others have a message each, which the server counts.
pub(super) const COUNTED: [State; 3] = [State::Completed, State::Expired, State::Cancelled];

/// The header that adds to a counter.
const INCREMENT: &str = "Nats-Incr";
/// A retention's age is divided into so many slots; the sum is too large by one of them at most.
const SLOTS: u32 = 24;
/// How long the counters may take to arrive.
const ANSWER_WAIT: Duration = Duration::from_secs(2);

/// What one batch changes.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<(State, u64), i64>);

impl Counts {
    /// `by` more jobs ended as `state` at `at`.
    pub(super) fn add(&mut self, state: State, at: Timestamp, age: Duration, by: i64) {
        if COUNTED.contains(&state) {
            *self.0.entry((state, slot(at, age))).or_default() += by;
        }
    }

    /// The messages that add it to the counters.
    pub(super) fn messages(self, names: &Names) -> Vec<Outgoing> {
        (self.0.into_iter())
            .filter(|(_, by)| *by != 0)
            .map(|((state, slot), by)| {
                Outgoing::new(names.count(state, slot), Vec::new())
                    .with(INCREMENT, format!("{by:+}"))
            })
            .collect()
    }
}

/// The slot that a moment belongs to.
fn slot(at: Timestamp, age: Duration) -> u64 {
    let at = u64::try_from(at.as_millis()).unwrap_or(0);
    at / slot_ms(age)
}

fn slot_ms(age: Duration) -> u64 {
    u64::try_from((age / SLOTS).as_millis())
        .unwrap_or(u64::MAX)
        .max(1000)
}

/// The sums of the counted states at `now`.
pub(super) async fn sums(
    api: &Api,
    names: &Names,
    age: Duration,
    now: Timestamp,
) -> Result<Vec<(State, u64)>, BackendError> {
    let oldest = slot(
        Timestamp::from_millis(
            now.as_millis()
                .saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)),
        ),
        age,
    );
    let mut sums: BTreeMap<State, i64> = BTreeMap::new();
    for (subject, value) in values(api, names).await? {
        let mut tokens = subject.rsplit('.');
        let slot: Option<u64> = tokens.next().and_then(|token| token.parse().ok());
        let state: Option<State> = tokens.next().and_then(|token| token.parse().ok());
        if let (Some(slot), Some(state)) = (slot, state)
            && slot >= oldest
        {
            *sums.entry(state).or_default() += value;
        }
    }
    Ok((sums.into_iter())
        .map(|(state, sum)| (state, u64::try_from(sum).unwrap_or(0)))
        .collect())
}

/// All counters of a queue, in one request (ADR-31, `multi_last`).
async fn values(api: &Api, names: &Names) -> Result<Vec<(String, i64)>, BackendError> {
    #[derive(Deserialize)]
    struct Counter {
        val: String,
    }
    let client = &api.client;
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(unanswered)?;
    let filter = format!("{}.>", names.count_prefix());
    let request = async_nats::Request::new()
        .payload(json!({ "multi_last": [filter] }).to_string().into())
        .inbox(inbox);
    api.context
        .send_request(format!("DIRECT.GET.{}", names.limits), request)
        .await
        .map_err(unanswered)?;
    let mut values = Vec::new();
    let collect = async {
        while let Some(message) = answers.next().await {
            // 204 ends the answer, 404 says that there is none.
            if message.status.is_some() {
                break;
            }
            let subject = message
                .headers
                .as_ref()
                .and_then(|headers| headers.get(header::NATS_SUBJECT))
                .map(|subject| subject.as_str().to_owned());
            let counter: Option<Counter> = serde_json::from_slice(&message.payload).ok();
            if let (Some(subject), Some(counter)) = (subject, counter) {
                values.push((subject, counter.val.parse().unwrap_or(0)));
            }
        }
    };
    tokio::time::timeout(ANSWER_WAIT, collect)
        .await
        .map_err(unanswered)?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_one_message_for_each_counter() {
        let (age, at) = (
            Duration::from_secs(24 * 3600),
            Timestamp::from_millis(7_200_000),
        );
        let mut counts = Counts::default();
        counts.add(State::Completed, at, age, 1);
        counts.add(State::Completed, at, age, 1);
        counts.add(State::Dead, at, age, 1);
        counts.add(State::Expired, at, age, 1);
        counts.add(State::Expired, at, age, -1);
        let messages = counts.messages(&Names::of("sms"));
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].subject.as_str(), "sms.count.completed.2");
        assert_eq!(messages[0].header(INCREMENT), Some("+2"));
    }
}
