//! [`TwilioMessage`]: what Twilio knows of a message.

use super::error;
use crate::provider::ProviderError;

/// What Twilio knows of a message. Holds neither number nor text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TwilioMessage {
    /// Its id: `SM` or `MM` and 32 hexadecimal digits.
    pub sid: String,
    /// Where it is.
    pub status: TwilioStatus,
    /// Why it was not delivered, when it was not: see twilio.com/docs/api/errors.
    pub error_code: Option<u32>,
    /// How many segments are billed; `None` until Twilio knows.
    pub segments: Option<u16>,
}

impl TwilioMessage {
    /// Why it was not delivered, as the error of a send; `None` when it was, or may still be.
    ///
    /// Retryable kinds mean that a new message may arrive.
    pub fn failure(&self) -> Option<ProviderError> {
        match self.status {
            TwilioStatus::Failed | TwilioStatus::Undelivered | TwilioStatus::Canceled => {
                Some(error::failed_delivery(self.error_code))
            }
            _ => None,
        }
    }
}

/// Where a message is, in Twilio's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TwilioStatus {
    /// A Messaging Service has it and chooses a sender.
    Accepted,
    /// It is sent at a time to come.
    Scheduled,
    /// It waits for its sender.
    Queued,
    /// It is on its way to the carrier.
    Sending,
    /// The carrier has it.
    Sent,
    /// The carrier, or the handset, has confirmed it.
    Delivered,
    /// The carrier did not deliver it.
    Undelivered,
    /// It could not be sent.
    Failed,
    /// A scheduled message was cancelled.
    Canceled,
    /// The recipient read it.
    Read,
    /// Some of a group got it.
    PartiallyDelivered,
    /// An inbound message that is being received.
    Receiving,
    /// An inbound message.
    Received,
    /// A word that we do not know.
    Other,
}

impl TwilioStatus {
    /// The status that `word` names, in any case.
    pub fn of(word: &str) -> Self {
        match word.trim().to_ascii_lowercase().as_str() {
            "accepted" => Self::Accepted,
            "scheduled" => Self::Scheduled,
            "queued" => Self::Queued,
            "sending" => Self::Sending,
            "sent" => Self::Sent,
            "delivered" => Self::Delivered,
            "undelivered" => Self::Undelivered,
            "failed" => Self::Failed,
            "canceled" => Self::Canceled,
            "read" => Self::Read,
            "partially_delivered" => Self::PartiallyDelivered,
            "receiving" => Self::Receiving,
            "received" => Self::Received,
            _ => Self::Other,
        }
    }

    /// Twilio's word for it; `unknown` for [`Other`](Self::Other).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Read => "read",
            Self::PartiallyDelivered => "partially_delivered",
            Self::Receiving => "receiving",
            Self::Received => "received",
            Self::Other => "unknown",
        }
    }

    /// Whether nothing but `read` follows.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Delivered
                | Self::Undelivered
                | Self::Failed
                | Self::Canceled
                | Self::Read
                | Self::Received
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_its_status() {
        use TwilioStatus as S;
        for (word, status, is_final) in [
            ("accepted", S::Accepted, false),
            ("scheduled", S::Scheduled, false),
            ("queued", S::Queued, false),
            ("sending", S::Sending, false),
            ("sent", S::Sent, false),
            ("Delivered", S::Delivered, true),
            ("undelivered", S::Undelivered, true),
            ("failed", S::Failed, true),
            ("canceled", S::Canceled, true),
            ("read", S::Read, true),
            ("partially_delivered", S::PartiallyDelivered, false),
            ("receiving", S::Receiving, false),
            ("received", S::Received, true),
            ("teleported", S::Other, false),
        ] {
            assert_eq!(S::of(word), status, "{word}");
            assert_eq!(S::of(status.as_str()), status, "{word}");
            assert_eq!(status.is_final(), is_final, "{word}");
        }
    }

    #[test]
    fn only_what_was_not_delivered_has_a_failure() {
        let message = |status, error_code| TwilioMessage {
            sid: "SM0".into(),
            status,
            error_code,
            segments: None,
        };
        assert!(message(TwilioStatus::Sent, Some(30003)).failure().is_none());
        let unreachable = message(TwilioStatus::Undelivered, Some(30003));
        let failure = unreachable.failure().unwrap();
        assert_eq!(failure.provider_code(), Some("30003"));
        let opted_out = message(TwilioStatus::Failed, Some(21610));
        assert!(opted_out.failure().unwrap().is_opt_out());
        assert!(message(TwilioStatus::Canceled, None).failure().is_some());
    }
}
