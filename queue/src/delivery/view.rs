//! [`JobDelivery`] and [`MessageDelivery`]: what is known of a job's messages.

use serde::Serialize;

use super::{DeliveryFailure, DeliveryStatus};
use crate::clock::Timestamp;
use crate::job::{JobId, RecipientKey};

/// What is known of one message. Holds no recipient and no text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MessageDelivery {
    /// The job that sent it.
    pub job: JobId,
    /// The attempt that sent it, from 1.
    pub attempt: u16,
    /// To whom it went, without saying it. Left out of the JSON: whoever can hash all numbers finds the one behind it.
    #[serde(skip)]
    pub recipient: Option<RecipientKey>,
    /// The provider's name.
    pub provider: String,
    /// The provider's id of the message; `None` when it gave none, or its answer never came.
    pub message_id: Option<String>,
    /// How many parts were billed; 0 when no receipt says so.
    pub segments: u16,
    /// Where it is.
    pub status: DeliveryStatus,
    /// Why it failed, when it did.
    pub failure: Option<DeliveryFailure>,
    /// The provider's own word or code for that.
    pub code: Option<String>,
    /// The recipient wants no more from this sender.
    pub suppress: bool,
    /// When the provider took it, or when the attempt ended in doubt.
    pub accepted_at: Timestamp,
    /// When we learned its status. Providers' own times are not used: their zone is not stated.
    pub changed_at: Timestamp,
}

/// What is known of a job's messages.
///
/// A job has one message, as a rule. It has more when an attempt of unknown outcome was followed by another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JobDelivery {
    /// The job.
    pub job: JobId,
    /// Its messages, by attempt; never empty.
    pub messages: Vec<MessageDelivery>,
}

impl JobDelivery {
    /// The job's messages in one word: delivered when any of them was, otherwise the status of the latest.
    ///
    /// For a job that ended in [`State::Unknown`](crate::job::State::Unknown) this is what decides: `Delivered` and `Sent`
    /// say that it was sent after all. The job's own state does not change.
    pub fn status(&self) -> DeliveryStatus {
        let delivered = |message: &MessageDelivery| message.status == DeliveryStatus::Delivered;
        match self.messages.last() {
            _ if self.messages.iter().any(delivered) => DeliveryStatus::Delivered,
            Some(latest) => latest.status,
            None => DeliveryStatus::Unknown,
        }
    }

    /// How many of the messages are on a handset: more than 1 is a message that was received twice.
    pub fn delivered(&self) -> usize {
        let delivered = |message: &&MessageDelivery| message.status == DeliveryStatus::Delivered;
        self.messages.iter().filter(delivered).count()
    }

    /// The messages of `job`. One without an id gives way to one of the same attempt and provider that has one: it is the
    /// same message, and its report came after all.
    pub(super) fn new(job: JobId, mut messages: Vec<MessageDelivery>) -> Option<Self> {
        let named: Vec<(u16, String)> = messages
            .iter()
            .filter(|message| message.message_id.is_some())
            .map(|message| (message.attempt, message.provider.clone()))
            .collect();
        messages.retain(|message| {
            message.message_id.is_some()
                || !named.contains(&(message.attempt, message.provider.clone()))
        });
        messages.sort_by_key(|message| (message.attempt, message.accepted_at));
        (!messages.is_empty()).then_some(Self { job, messages })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DeliveryStatus::{Accepted, Delivered, Failed, Unknown};

    fn message(attempt: u16, id: Option<&str>, status: DeliveryStatus) -> MessageDelivery {
        MessageDelivery {
            job: JobId::from_bytes([1; 16]),
            attempt,
            recipient: None,
            provider: "p".into(),
            segments: 1,
            message_id: id.map(str::to_owned),
            status,
            failure: None,
            code: None,
            suppress: false,
            accepted_at: Timestamp::from_millis(i64::from(attempt)),
            changed_at: Timestamp::from_millis(i64::from(attempt)),
        }
    }

    fn job(messages: Vec<MessageDelivery>) -> JobDelivery {
        JobDelivery::new(JobId::from_bytes([1; 16]), messages).unwrap()
    }

    #[test]
    fn one_delivered_message_delivers_the_job() {
        let twice = [
            message(2, Some("b"), Failed),
            message(1, Some("a"), Delivered),
        ];
        let job = job(twice.to_vec());
        assert_eq!((job.status(), job.delivered()), (Delivered, 1));
        assert_eq!(job.messages[0].attempt, 1);
    }

    #[test]
    fn otherwise_the_latest_counts() {
        let both = [message(1, None, Unknown), message(2, Some("b"), Accepted)];
        assert_eq!(job(both.to_vec()).status(), Accepted);
    }

    #[test]
    fn a_nameless_message_gives_way_to_its_report() {
        let both = [message(1, None, Unknown), message(1, Some("a"), Delivered)];
        assert_eq!(job(both.to_vec()).messages.len(), 1);
        assert!(JobDelivery::new(JobId::new(), Vec::new()).is_none());
    }
}
