//! [`DeliveryReport`]: what a provider says became of a message, in one form for all.

mod africas_talking;
mod salum;
mod twilio;

pub use africas_talking::AFRICAS_TALKING;
pub use salum::SALUM;
pub use twilio::TWILIO;

use super::{DeliveryFailure, DeliveryStatus};

/// Longest word or code of a provider's that is kept, in bytes.
const CODE_BYTES_MAX: usize = 64;

/// What a provider says became of a message. Shows no recipient and no text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryReport {
    /// The provider's name, as in its receipts.
    pub provider: String,
    /// The provider's id of the message, as in its receipt.
    pub message_id: String,
    /// Where the message is.
    pub status: DeliveryStatus,
    /// Why it failed, when it did.
    pub failure: Option<DeliveryFailure>,
    /// The provider's own word or code, such as `AbsentSubscriber` or `30003`; at most 64 bytes of it.
    pub code: Option<String>,
    /// Do not send to this recipient from this sender again: it opted out, or is on a black list.
    pub suppress: bool,
}

impl DeliveryReport {
    /// A report of `status`.
    pub fn new(
        provider: impl Into<String>,
        message_id: impl Into<String>,
        status: DeliveryStatus,
    ) -> Self {
        Self {
            provider: provider.into(),
            message_id: message_id.into(),
            status,
            failure: None,
            code: None,
            suppress: false,
        }
    }

    /// A report that it failed; [`DeliveryFailure::Blocked`] also suppresses.
    pub fn failed(
        provider: impl Into<String>,
        message_id: impl Into<String>,
        failure: DeliveryFailure,
    ) -> Self {
        Self {
            failure: Some(failure),
            suppress: failure == DeliveryFailure::Blocked,
            ..Self::new(provider, message_id, DeliveryStatus::Failed)
        }
    }

    /// Adds the provider's own word or code. Only ASCII is kept, and at most 64 bytes: it goes into logs.
    #[must_use]
    pub fn code(mut self, code: impl AsRef<str>) -> Self {
        let plain = |c: &char| c.is_ascii_graphic() || *c == ' ';
        let code: String = code.as_ref().chars().filter(plain).collect();
        let code = code.trim();
        self.code = (!code.is_empty()).then(|| code.chars().take(CODE_BYTES_MAX).collect());
        self
    }

    /// Sets whether the recipient wants no more from this sender.
    #[must_use]
    pub fn suppress(mut self, suppress: bool) -> Self {
        self.suppress = suppress;
        self
    }
}

/// What a word of a provider's means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Is(DeliveryStatus),
    Failed(DeliveryFailure),
}

impl Meaning {
    fn report(self, provider: &str, message_id: impl Into<String>) -> DeliveryReport {
        match self {
            Self::Is(status) => DeliveryReport::new(provider, message_id, status),
            Self::Failed(failure) => DeliveryReport::failed(provider, message_id, failure),
        }
    }
}

/// A word as the tables have it: providers differ in case, spaces and punctuation, and from day to day.
fn normal(word: &str) -> String {
    word.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .take(CODE_BYTES_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_short_and_plain() {
        let report = DeliveryReport::new("p", "1", DeliveryStatus::Unknown);
        let code = |code: &str| report.clone().code(code).code;
        assert_eq!(
            code("  Teleported\r\n\u{1b}[31m ").as_deref(),
            Some("Teleported[31m")
        );
        assert_eq!(code("\u{0}é").as_deref(), None);
        assert_eq!(code(&"x".repeat(9_999)).map(|code| code.len()), Some(64));
    }

    #[test]
    fn only_an_opt_out_suppresses_unasked() {
        use DeliveryFailure::{Account, Blocked, Number, Provider, Refused, Sender, Unreachable};
        for failure in [
            Number,
            Unreachable,
            Blocked,
            Refused,
            Sender,
            Account,
            Provider,
        ] {
            let report = DeliveryReport::failed("p", "1", failure);
            assert_eq!(report.suppress, failure == Blocked, "{}", failure.as_str());
            assert_eq!(report.status, DeliveryStatus::Failed);
        }
    }
}
