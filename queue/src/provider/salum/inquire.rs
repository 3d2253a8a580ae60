//! What became of an earlier send: its delivery report tells, when its id is known.

use super::{NAME, Salum, is_message_id};
use crate::provider::{Answer, Inquiry, ProviderError, Receipt};
use crate::sms::SmsMessage;

impl Salum {
    /// A message with a report was accepted, whatever the report says. One without may not have one yet, and the gateway
    /// answers the same for an id that it never gave.
    pub(super) async fn find(
        &self,
        inquiry: &Inquiry<'_, SmsMessage>,
    ) -> Result<Answer, ProviderError> {
        let Some(id) = inquiry.message_id.as_deref().filter(|id| is_message_id(id)) else {
            return Ok(Answer::CannotTell);
        };
        let report = self.api.delivery_report(id, inquiry.timeout).await?;
        if report.description.is_empty() {
            return Ok(Answer::CannotTell);
        }
        let text = inquiry.message.text.under(self.text_policy);
        let segments = text.map_or(inquiry.message.text.segments(), |text| text.segments());
        Ok(Answer::Accepted(
            Receipt::new(NAME).message_id(id).segments(segments),
        ))
    }
}
