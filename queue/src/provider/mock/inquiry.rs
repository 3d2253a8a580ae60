//! How a [`Mock`] answers inquiries: by its script, and after that with the truth.

use std::collections::VecDeque;

use super::{MOCK_CALLS_MAX, Mock};
use crate::clock::Timestamp;
use crate::job::JobId;
use crate::provider::{Answer, Inquiry, Message, ProviderError, Receipt};

/// An inquiry that a [`Mock`] was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MockInquiry {
    /// The job.
    pub job: JobId,
    /// The first attempt in doubt.
    pub attempt: u16,
    /// When it started.
    pub sent_at: Timestamp,
    /// The last attempt in doubt.
    pub last_attempt: u16,
    /// When that one was over.
    pub sent_until: Timestamp,
    /// The provider's id of the message, when the one who asked knew it.
    pub message_id: Option<String>,
    /// What the mock answered.
    pub answer: Result<Answer, ProviderError>,
}

/// What a mock was told about inquiries, and asked.
#[derive(Default)]
pub(super) struct Inquiries {
    script: VecDeque<Result<Answer, ProviderError>>,
    asked: VecDeque<MockInquiry>,
}

impl<M: Message> Mock<M> {
    /// Appends an answer to the script of inquiries. Each inquiry takes the next one; when none is left, the mock tells the
    /// truth: accepted with the receipt of the job's first accepted message, or not sent.
    #[must_use]
    pub fn then_inquiry(self, answer: Result<Answer, ProviderError>) -> Self {
        self.push_inquiry(answer);
        self
    }

    /// Appends an answer to the script of inquiries of a mock that is in use.
    pub fn push_inquiry(&self, answer: Result<Answer, ProviderError>) {
        self.lock().inquiries.script.push_back(answer);
    }

    /// Every inquiry there was, the oldest first; at most the last [`MOCK_CALLS_MAX`].
    pub fn inquiries(&self) -> Vec<MockInquiry> {
        self.lock().inquiries.asked.iter().cloned().collect()
    }

    pub(super) fn answer(&self, inquiry: &Inquiry<'_, M>) -> Result<Answer, ProviderError> {
        let mut state = self.lock();
        let accepted = state.calls.iter().find_map(|call| {
            let asked = call.accepted && call.context.job == inquiry.job;
            asked.then(|| match &call.answer {
                Some(Ok(receipt)) => receipt.clone(),
                // Accepted, whatever was answered.
                _ => Receipt::new(&*self.name),
            })
        });
        let answer = match state.inquiries.script.pop_front() {
            Some(scripted) => scripted,
            None => Ok(accepted.map_or(Answer::NotSent, Answer::Accepted)),
        };
        let asked = &mut state.inquiries.asked;
        if asked.len() == MOCK_CALLS_MAX {
            asked.pop_front();
        }
        asked.push_back(MockInquiry {
            job: inquiry.job,
            attempt: inquiry.attempt,
            sent_at: inquiry.sent_at,
            last_attempt: inquiry.last_attempt,
            sent_until: inquiry.sent_until,
            message_id: inquiry.message_id.clone(),
            answer: answer.clone(),
        });
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::provider::{MockAnswer, Provider, SendContext};

    #[derive(Clone)]
    struct Note;

    impl Message for Note {
        const CHANNEL: &'static str = "note";
    }

    #[tokio::test]
    async fn inquiries_follow_the_script_and_then_the_truth() {
        let mock = Mock::new()
            .then(MockAnswer::unknown())
            .then_inquiry(Ok(Answer::CannotTell));
        let second = Duration::from_secs(1);
        let context = SendContext::new(JobId::new(), second);
        let inquiry = Inquiry::new(context.job, 1, Timestamp::from_millis(7), &Note, second);
        let ask = async || mock.inquire(&inquiry).await;
        assert_eq!(ask().await, Ok(Answer::CannotTell));
        mock.send(&Note, &context).await.unwrap_err();
        assert_eq!(ask().await, Ok(Answer::NotSent), "it was not accepted");
        mock.send(&Note, &context).await.unwrap();
        let receipt = Receipt::new("mock").message_id("mock-2");
        assert_eq!(ask().await, Ok(Answer::Accepted(receipt)));
        let asked = mock.inquiries();
        assert_eq!(asked.len(), 3);
        assert_eq!((asked[0].job, asked[0].attempt), (context.job, 1));
        let other = Inquiry::new(JobId::new(), 1, inquiry.sent_at, &Note, second);
        assert_eq!(mock.inquire(&other).await, Ok(Answer::NotSent));
    }
}
