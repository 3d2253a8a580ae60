//! Assertions on what SMS a [`Mock`] accepted.

use super::Mock;
use crate::sms::{PhoneNumber, SmsMessage};

impl Mock<SmsMessage> {
    /// The messages to `recipient` that were accepted, the oldest first.
    pub fn sent_to(&self, recipient: &PhoneNumber) -> Vec<SmsMessage> {
        let mut sent = self.sent();
        sent.retain(|message| message.recipient == *recipient);
        sent
    }

    /// Asserts that exactly one message to `recipient` was accepted, and gives it.
    ///
    /// # Panics
    /// When there is none, or more than one.
    #[track_caller]
    pub fn assert_sent_to(&self, recipient: &PhoneNumber) -> SmsMessage {
        let mut sent = self.sent_to(recipient);
        let count = sent.len();
        match (sent.pop(), count) {
            (Some(message), 1) => message,
            _ => panic!("the mock accepted {count} messages to {recipient}, not one"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::job::JobId;
    use crate::provider::{Mock, Provider, SendContext};
    use crate::sms::{PhoneNumber, SmsMessage, SmsText};

    #[tokio::test]
    async fn the_inbox_is_asked_by_recipient() {
        let mock = Mock::new();
        let context = SendContext::new(JobId::new(), Duration::from_secs(1));
        let recipient: PhoneNumber = "0712345678".parse().unwrap();
        let message = SmsMessage::new(recipient, SmsText::new("Karibu").unwrap());
        mock.send(&message, &context).await.unwrap();
        assert_eq!(mock.assert_sent_to(&recipient).text.as_str(), "Karibu");
        assert!(mock.sent_to(&"0712345679".parse().unwrap()).is_empty());
    }
}
