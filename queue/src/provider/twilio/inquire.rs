//! What became of an earlier send: the list of messages to its number tells.

use std::time::Duration;

use super::wire::{self, Listed, Page};
use super::{Twilio, TwilioMessage, TwilioStatus, receipt};
use crate::clock::Timestamp;
use crate::provider::{Answer, Inquiry, ProviderError, ProviderErrorKind};
use crate::sms::SmsMessage;

/// How far Twilio's clock and ours may differ.
const SKEW: Duration = Duration::from_secs(60);

/// How long a message may take until it is listed. Before that, one that is not there may still come.
const LISTED_AFTER: Duration = Duration::from_secs(60);

/// Most pages that are read. More messages than these to one number, since one attempt, are not a case to decide.
const PAGES_MAX: usize = 5;

/// What a trial account puts before each text.
const TRIAL_PREFIX: &str = "Sent from your Twilio trial account - ";

impl Twilio {
    /// Looks for the message. The list is not narrowed by `DateSent`: a message that still waits at Twilio has none, and
    /// would be missed.
    pub(super) async fn find(
        &self,
        inquiry: &Inquiry<'_, SmsMessage>,
    ) -> Result<Answer, ProviderError> {
        let started = tokio::time::Instant::now();
        let left = || inquiry.timeout.saturating_sub(started.elapsed());
        let message = inquiry.message;
        let known = inquiry.message_id.as_deref();
        if let Some(sid) = known.filter(|sid| wire::is_message_sid(sid)) {
            return match self.api.fetch(sid, left()).await {
                Ok(listed) => Ok(became(listed.message, message)),
                // It was deleted.
                Err(error) if error.kind() == ProviderErrorKind::Rejected => Ok(Answer::CannotTell),
                Err(error) => Err(error),
            };
        }
        let to = message.recipient.as_e164();
        let since = earlier(inquiry.sent_at, SKEW);
        let mut query: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let page: Page = self.api.list(to, query.as_deref(), left()).await?;
            // Newest first: nothing after it is newer.
            let is_past = page
                .messages
                .last()
                .and_then(|last| last.created_at)
                .is_some_and(|created_at| created_at < since);
            let found = page
                .messages
                .into_iter()
                .filter(|listed| self.is_it(listed, message, since))
                .map(|listed| became(listed.message, message))
                // Of several attempts, one may have failed and another not.
                .find(|answer| *answer != Answer::NotSent);
            if let Some(answer) = found {
                return Ok(answer);
            }
            let next = page.next.filter(|_| !is_past);
            let Some(next) = next else {
                return self.not_listed(inquiry.sent_at);
            };
            // Only its query: an address in an answer does not get our credentials.
            query = Some(
                next.split_once('?')
                    .map(|(_, query)| query.to_owned())
                    .unwrap_or_default(),
            );
        }
        Ok(Answer::CannotTell)
    }

    fn is_it(&self, listed: &Listed, message: &SmsMessage, since: Timestamp) -> bool {
        let body = listed.body.as_str();
        let body = body.strip_prefix(TRIAL_PREFIX).unwrap_or(body);
        let text = message.text.under(self.text_policy);
        let text = text.as_ref().unwrap_or(&message.text);
        let same_text =
            body == text.as_str() || (self.smart_encoded && body == text.transliterated().as_str());
        listed.is_outbound
            && listed.to == message.recipient.as_e164()
            && same_text
            // One without a date may be the one: nothing is sent twice for a doubt.
            && listed.created_at.is_none_or(|created_at| created_at >= since)
    }

    fn not_listed(&self, sent_at: Timestamp) -> Result<Answer, ProviderError> {
        let age = self.clock.now().since(sent_at);
        match LISTED_AFTER.checked_sub(age) {
            None | Some(Duration::ZERO) => Ok(Answer::NotSent),
            Some(rest) => Err(ProviderError::new(
                ProviderErrorKind::Transient { after: Some(rest) },
                "too early to tell",
            )),
        }
    }
}

/// A message that Twilio itself could not send, for a reason that may pass, is as good as not sent; what a carrier did
/// not deliver was sent.
fn became(found: TwilioMessage, message: &SmsMessage) -> Answer {
    let failure = found.failure().map(|failure| failure.kind());
    match (found.status, failure) {
        (TwilioStatus::Failed, Some(ProviderErrorKind::Transient { .. })) => Answer::NotSent,
        _ => Answer::Accepted(receipt(found, &message.text)),
    }
}

fn earlier(moment: Timestamp, by: Duration) -> Timestamp {
    let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(moment.as_millis().saturating_sub(millis))
}
