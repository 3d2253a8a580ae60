//! The names of a queue's streams, subjects and consumers.

use crate::job::Priority;

/// The shard that jobs are put in; the subjects have a place for more.
pub(super) const SHARD: &str = "0";

/// The streams of one queue: their names are those of the queue in capitals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// The queue: `sms`.
    pub(super) queue: String,
    /// Jobs that wait or run, and held idempotency keys: `SMS`.
    pub(super) work: String,
    /// The record of each job: `SMS_EVENTS`.
    pub(super) events: String,
    /// Jobs set aside for a person: `SMS_DEAD`.
    pub(super) dead: String,
    /// Counters: budgets and totals: `SMS_LIMITS`.
    pub(super) limits: String,
}

impl Names {
    pub(super) fn of(queue: &str) -> Self {
        let work = queue.to_uppercase();
        Self {
            queue: queue.to_owned(),
            events: format!("{work}_EVENTS"),
            dead: format!("{work}_DEAD"),
            limits: format!("{work}_LIMITS"),
            work,
        }
    }

    /// What the stream of jobs holds.
    pub(super) fn work_subjects(&self) -> Vec<String> {
        let queue = &self.queue;
        ["send", "schedule", "key"]
            .map(|part| format!("{queue}.{part}.>"))
            .to_vec()
    }

    /// What the stream of records holds.
    pub(super) fn events_subjects(&self) -> Vec<String> {
        vec![format!("{}.status.>", self.queue)]
    }

    /// What the stream of set-aside jobs holds.
    pub(super) fn dead_subjects(&self) -> Vec<String> {
        ["dead", "parked", "foreign"]
            .map(|part| format!("{}.{part}.>", self.queue))
            .to_vec()
    }

    /// What the stream of counters holds.
    pub(super) fn limits_subjects(&self) -> Vec<String> {
        vec![format!("{}.count.>", self.queue)]
    }

    /// The durable consumer of one priority: `send-high`.
    pub(super) fn consumer(priority: Priority) -> String {
        format!("send-{}", priority.as_str())
    }

    /// What the consumer of one priority takes.
    pub(super) fn ready_filter(&self, priority: Priority) -> String {
        format!("{}.send.{}.>", self.queue, priority.as_str())
    }
}
