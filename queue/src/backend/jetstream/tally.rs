//! [`tally`]: how many messages match a filter, counted by the server: a consumer that nobody pulls from has them all
//! pending. It lives in the server's memory and is made anew when it is gone.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};

use super::api::Api;
use super::refusal::unanswered;
use crate::backend::BackendError;
use crate::job::State;

/// A consumer that nobody asked about for so long is deleted by the server.
const IDLE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The states that are counted so, and whether their messages wait in the stream of jobs; the others are set aside.
pub(super) const COUNTED: [(State, bool); 6] = [
    (State::Scheduled, true),
    (State::Retrying, true),
    (State::Snoozed, true),
    (State::Dead, false),
    (State::Unknown, false),
    (State::Parked, false),
];

/// The name of the consumer that counts a state.
pub(super) fn consumer(state: State) -> String {
    format!("count-{state}")
}

/// How many messages of `stream` match `filter`. The cost does not grow with their number, but for the first time.
pub(super) async fn tally(
    api: &Api,
    stream: &str,
    name: &str,
    filter: String,
) -> Result<u64, BackendError> {
    if let Some(info) = api.consumer(stream, name).await? {
        return Ok(info.num_pending);
    }
    let config = pull::Config {
        durable_name: Some(name.to_owned()),
        name: Some(name.to_owned()),
        filter_subject: filter,
        ack_policy: AckPolicy::Explicit,
        memory_storage: true,
        num_replicas: 1,
        inactive_threshold: IDLE_MAX,
        ..Default::default()
    };
    let consumer: async_nats::jetstream::consumer::PullConsumer = api
        .context
        .create_consumer_on_stream(config, stream)
        .await
        .map_err(unanswered)?;
    Ok(consumer.cached_info().num_pending)
}
