//! What became of an earlier send: `getdlr`, read for one thing only, whether the gateway knows the message.

use std::time::Duration;

use super::api::Api;
use super::error::{self, Verdict};
use super::{NAME, Salum, is_message_id};
use crate::provider::{Answer, Inquiry, ProviderError, Receipt};
use crate::sms::SmsMessage;

impl Salum {
    pub(super) async fn answer(
        &self,
        inquiry: &Inquiry<'_, SmsMessage>,
    ) -> Result<Answer, ProviderError> {
        let id = inquiry.message_id.as_deref();
        let Some(id) = id.filter(|id| is_message_id(id)) else {
            return Ok(Answer::CannotTell);
        };
        if !self.api.knows(id, inquiry.timeout).await? {
            return Ok(Answer::CannotTell);
        }
        let text = inquiry.message.text.under(self.text_policy);
        let segments = text.map_or(1, |text| text.segments());
        let receipt = Receipt::new(NAME).message_id(id).segments(segments);
        Ok(Answer::Accepted(receipt))
    }
}

impl Api {
    /// Whether the gateway has a report on this message. It says the same of a message that it has no report on *yet* and of
    /// one that it never saw, so a no proves nothing.
    async fn knows(&self, message_id: &str, timeout: Duration) -> Result<bool, ProviderError> {
        let flat = self.ask("getdlr", Some(message_id), timeout).await?;
        match (flat.code, error::verdict(flat.code)) {
            // `No Delivery Report`, and `No dlr` which comes as an unsupported data type.
            (1008 | 1009, _) => Ok(false),
            (_, Verdict::Accepted) => Ok(flat
                .text("delivery-description")
                .is_some_and(|word| !word.trim().is_empty())),
            (_, verdict) => Err(self.question_refused(verdict, &flat)),
        }
    }
}
