//! The settings of a queue's consumers: one for each priority, shared by all workers.

use async_nats::jetstream::consumer::{AckPolicy, Config as Found, pull};
use serde::Serialize;

use super::names::Names;
use super::options::JetStreamOptions;
use super::plan::{Difference, Differences, Weight};
use crate::job::Priority;

/// How many processes may wait for jobs of one priority at once. Each has one request open; the server's default of 512
/// makes the rest ask again and again.
const WAITING_MAX: i64 = 16 * 1024;

/// The request that makes or changes a consumer.
#[derive(Serialize)]
pub(super) struct ConsumerRequest {
    stream_name: String,
    config: pull::Config,
    action: &'static str,
}

impl ConsumerRequest {
    /// Fails on the server when there is one with other settings.
    pub(super) fn create(names: &Names, config: pull::Config) -> Self {
        Self {
            stream_name: names.work.clone(),
            config,
            action: "create",
        }
    }

    /// Fails on the server when there is none.
    pub(super) fn update(names: &Names, config: pull::Config) -> Self {
        Self {
            stream_name: names.work.clone(),
            config,
            action: "update",
        }
    }
}

/// The settings of the consumer of one priority.
pub(super) fn wanted(
    names: &Names,
    options: &JetStreamOptions,
    priority: Priority,
) -> pull::Config {
    pull::Config {
        durable_name: Some(Names::consumer(priority)),
        name: Some(Names::consumer(priority)),
        filter_subject: names.ready_filter(priority),
        ack_policy: AckPolicy::Explicit,
        ack_wait: options.ack_wait,
        // Attempts are counted by the job's record: a job that the server gave up would lie in the stream for ever.
        max_deliver: -1,
        max_ack_pending: i64::from(options.running_max),
        max_waiting: WAITING_MAX,
        // No `backoff`: together with a negative ack that names its delay it makes wrong delays.
        ..pull::Config::default()
    }
}

/// How a found consumer differs from what is wanted.
pub(super) fn differences(wanted: &pull::Config, found: &Found) -> Vec<Difference> {
    use Weight::{Foreign, Needed, Wished};
    let mut list = Differences::default();
    list.compare(Foreign, "deliver_subject", &None, &found.deliver_subject);
    list.compare(
        Foreign,
        "filter_subject",
        &wanted.filter_subject,
        &found.filter_subject,
    );
    list.compare(
        Foreign,
        "filter_subjects",
        &wanted.filter_subjects,
        &found.filter_subjects,
    );
    list.compare(Foreign, "ack_policy", &wanted.ack_policy, &found.ack_policy);
    list.compare(
        Foreign,
        "deliver_policy",
        &wanted.deliver_policy,
        &found.deliver_policy,
    );
    list.compare(
        Needed,
        "max_deliver",
        &wanted.max_deliver,
        &found.max_deliver,
    );
    list.compare(Needed, "backoff", &wanted.backoff, &found.backoff);
    list.compare(Needed, "headers_only", &false, &found.headers_only);
    list.compare(Wished, "ack_wait", &wanted.ack_wait, &found.ack_wait);
    list.compare(
        Wished,
        "max_ack_pending",
        &wanted.max_ack_pending,
        &found.max_ack_pending,
    );
    list.compare(
        Wished,
        "max_waiting",
        &wanted.max_waiting,
        &found.max_waiting,
    );
    list.0
}
