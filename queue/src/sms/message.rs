//! [`SmsMessage`]: a text and whom it is for.

use super::{PhoneNumber, SmsText};
use crate::job::{Addressed, RecipientKey};
use crate::provider::{IntoMessage, Message, RenderError};

/// An SMS: what a provider of this channel sends.
///
/// `Debug` shows a masked number and the text's size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmsMessage {
    /// Whom it is for.
    pub recipient: PhoneNumber,
    /// What it says.
    pub text: SmsText,
}

impl SmsMessage {
    /// `text` for `recipient`.
    pub fn new(recipient: PhoneNumber, text: SmsText) -> Self {
        Self { recipient, text }
    }
}

impl Message for SmsMessage {
    const CHANNEL: &'static str = "sms";

    fn recipient_key(&self) -> Option<RecipientKey> {
        Some(RecipientKey::new(Self::CHANNEL, self.recipient.as_e164()))
    }
}

impl Addressed for SmsMessage {
    type Address = PhoneNumber;

    fn recipient(&self) -> &PhoneNumber {
        &self.recipient
    }
}

impl<P: Addressed<Address = PhoneNumber>> IntoMessage<SmsMessage, P> for String {
    fn into_message(self, payload: &P) -> Result<SmsMessage, RenderError> {
        match SmsText::new(self) {
            Ok(text) => Ok(SmsMessage::new(*payload.recipient(), text)),
            Err(error) => Err(RenderError::new(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Greeting(PhoneNumber);

    impl Addressed for Greeting {
        type Address = PhoneNumber;

        fn recipient(&self) -> &PhoneNumber {
            &self.0
        }
    }

    #[test]
    fn a_text_becomes_a_message_to_the_payloads_recipient() {
        let payload = Greeting("0712345678".parse().unwrap());
        let message: SmsMessage = "Karibu".to_owned().into_message(&payload).unwrap();
        assert_eq!(message.recipient, payload.0);
        assert_eq!(message.text.as_str(), "Karibu");
        let shown = format!("{message:?}");
        assert!(
            !shown.contains("Karibu") && !shown.contains("345"),
            "{shown}"
        );
    }

    #[test]
    fn a_text_that_is_too_long_does_not_render() {
        let payload = Greeting("0712345678".parse().unwrap());
        let result: Result<SmsMessage, _> = "a".repeat(2000).into_message(&payload);
        assert_eq!(
            result.unwrap_err().to_string(),
            "the text takes 14 segments, at most 10 are allowed"
        );
    }
}
