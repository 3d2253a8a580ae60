//! What became of an earlier send: the list of messages to its number tells.

use std::time::Duration;

use super::wire::{self, Listed, Page};
use super::{Twilio, TwilioMessage, TwilioStatus, receipt};
use crate::clock::Timestamp;
use crate::provider::{Answer, Inquiry, ProviderError, ProviderErrorKind};
use crate::sms::SmsMessage;

/// How far Twilio's clock and ours may differ.
const SKEW: Duration = Duration::from_secs(60);

/// How long a message may take until it is listed, from the end of the last attempt that may have sent it. Before that, one
/// that is not there may still come.
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
        let mut maybe = false;
        for _ in 0..PAGES_MAX {
            let page: Page = self.api.list(to, query.as_deref(), left()).await?;
            // Newest first: nothing after it is newer.
            let is_past = page
                .messages
                .last()
                .and_then(|last| last.created_at)
                .is_some_and(|created_at| created_at < since);
            for listed in page.messages {
                match self.likeness(&listed, message, since) {
                    // Of several attempts, one may have failed and another not.
                    Likeness::Same => match became(listed.message, message) {
                        Answer::NotSent => {}
                        answer => return Ok(answer),
                    },
                    Likeness::Perhaps => maybe = true,
                    Likeness::Other => {}
                }
            }
            let next = page.next.filter(|_| !is_past);
            let Some(next) = next else {
                return match maybe {
                    true => Ok(Answer::CannotTell),
                    false => self.not_listed(inquiry.sent_until),
                };
            };
            // Only its query: an address in an answer does not get our credentials.
            let Some((_, next)) = next.split_once('?') else {
                break;
            };
            query = Some(next.to_owned());
        }
        Ok(Answer::CannotTell)
    }

    fn likeness(&self, listed: &Listed, message: &SmsMessage, since: Timestamp) -> Likeness {
        // One without a date may be the one: nothing is sent twice for a doubt.
        let is_recent = listed.created_at.is_none_or(|created| created >= since);
        if !listed.is_outbound || !is_recent || listed.to != message.recipient.as_e164() {
            return Likeness::Other;
        }
        let body = listed.body.as_str();
        let body = body.strip_prefix(TRIAL_PREFIX).unwrap_or(body);
        let text = message.text.under(self.text_policy);
        let text = text.as_ref().unwrap_or(&message.text);
        let plain = text.transliterated();
        let like = |text: &str| match body == text {
            true => Likeness::Same,
            false if body.is_empty() || shape(body) == shape(text) => Likeness::Perhaps,
            false => Likeness::Other,
        };
        match like(text.as_str()) {
            Likeness::Other if self.smart_encoded => like(plain.as_str()),
            likeness => likeness,
        }
    }

    fn not_listed(&self, sent_until: Timestamp) -> Result<Answer, ProviderError> {
        let age = self.clock.now().since(sent_until);
        match LISTED_AFTER.checked_sub(age) {
            None | Some(Duration::ZERO) => Ok(Answer::NotSent),
            Some(rest) => Err(ProviderError::new(
                ProviderErrorKind::Transient { after: Some(rest) },
                "too early to tell",
            )),
        }
    }
}

/// Whether a listed message is the one that is asked about.
enum Likeness {
    /// It has the very text.
    Same,
    /// Its text was redacted, or differs in small numbers only: a text that says how many minutes are left does not read
    /// the same on every attempt.
    Perhaps,
    Other,
}

/// Most digits of a number that may differ between attempts; codes have more (`OtpCode`: at least 4).
const SMALL_DIGITS_MAX: usize = 3;

/// The text without its small numbers.
fn shape(text: &str) -> String {
    let mut shape = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        let end = number.find(|c: char| !c.is_ascii_digit());
        let (number, after) = number.split_at(end.unwrap_or(number.len()));
        shape.push_str(before);
        shape.push_str(if number.len() > SMALL_DIGITS_MAX {
            number
        } else {
            "0"
        });
        rest = after;
    }
    shape.push_str(rest);
    shape
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_numbers_may_differ() {
        let text = "493817 is your code. It expires in 10 minutes.";
        for (other, same) in [
            ("493817 is your code. It expires in 9 minutes.", true),
            ("493818 is your code. It expires in 10 minutes.", false),
            ("493817 is your code. It expires in 1000 minutes.", false),
            ("493817 is your code. It expires soon.", false),
        ] {
            assert_eq!(shape(text) == shape(other), same, "{other}");
        }
        assert_eq!(shape("7é12345é"), "0é12345é");
        assert_eq!(shape(""), "");
    }
}
