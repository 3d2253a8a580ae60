//! [`ProviderError`]: the five things that can go wrong with a send.

use std::fmt;
use std::time::Duration;

use crate::job::clip_reason;

/// Why a provider did not confirm a message.
///
/// Carries a code and words of the provider's, never the message, the recipient or a credential.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderError {
    kind: ProviderErrorKind,
    code: Option<String>,
    detail: String,
    elsewhere: bool,
    opt_out: bool,
}

/// Which of the five things happened; each has exactly one right answer in a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderErrorKind {
    /// This message never works: a bad number, a refused text. The job is dead.
    Rejected,
    /// Not now: too many requests. Surely not sent; tried again no sooner than after this long, no attempt charged.
    Throttled {
        /// How long to wait at least.
        after: Duration,
    },
    /// Surely not sent, and may work later: could not connect, the provider says it failed inside. Retried.
    Transient {
        /// How long to wait at least, when the provider says so; otherwise the job's backoff decides.
        after: Option<Duration>,
    },
    /// May have been sent: a timeout after the request was written, a cut connection, an answer that makes no sense.
    /// The kind's [`UnknownPolicy`](crate::job::UnknownPolicy) decides.
    Unknown,
    /// The fault is ours, not this message's: credentials, sender id, credit. The job waits, no attempt charged.
    Misconfigured,
}

impl ProviderErrorKind {
    /// The kind's name, for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Throttled { .. } => "throttled",
            Self::Transient { .. } => "transient",
            Self::Unknown => "unknown",
            Self::Misconfigured => "misconfigured",
        }
    }
}

impl ProviderError {
    /// An error of `kind`. `detail` says what happened in the provider's or our own words, without personal data; control
    /// characters are replaced and the text is cut at 512 bytes.
    pub fn new(kind: ProviderErrorKind, detail: impl AsRef<str>) -> Self {
        Self {
            kind,
            code: None,
            detail: clip_reason(detail.as_ref()),
            elsewhere: false,
            opt_out: false,
        }
    }

    /// This message never works.
    pub fn rejected(detail: impl AsRef<str>) -> Self {
        Self::new(ProviderErrorKind::Rejected, detail)
    }

    /// Not now; try again no sooner than `after`.
    pub fn throttled(after: Duration, detail: impl AsRef<str>) -> Self {
        Self::new(ProviderErrorKind::Throttled { after }, detail)
    }

    /// Surely not sent; may work later.
    pub fn transient(detail: impl AsRef<str>) -> Self {
        Self::new(ProviderErrorKind::Transient { after: None }, detail)
    }

    /// May have been sent.
    pub fn unknown(detail: impl AsRef<str>) -> Self {
        Self::new(ProviderErrorKind::Unknown, detail)
    }

    /// Our configuration is at fault, not the message.
    pub fn misconfigured(detail: impl AsRef<str>) -> Self {
        Self::new(ProviderErrorKind::Misconfigured, detail)
    }

    /// Adds the provider's own code.
    #[must_use]
    pub fn code(mut self, code: impl fmt::Display) -> Self {
        self.code = Some(clip_reason(&code.to_string()));
        self
    }

    /// Marks a refusal that is this provider's alone: its network does not reach the number, another one's may.
    #[must_use]
    pub fn elsewhere(mut self) -> Self {
        self.elsewhere = true;
        self
    }

    /// Marks a refusal by the recipient: it opted out, or blocked the sender. Nothing more may be sent to it from this
    /// sender until it says otherwise, through no provider.
    #[must_use]
    pub fn suppress(mut self) -> Self {
        self.opt_out = true;
        self
    }

    /// The same error with another kind.
    pub(crate) fn with_kind(mut self, kind: ProviderErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// Which of the five things happened.
    pub fn kind(&self) -> ProviderErrorKind {
        self.kind
    }

    /// The provider's own code, such as `1003`.
    pub fn provider_code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether another provider may take the very message that this one refused. Never for an opt-out.
    pub fn may_help_elsewhere(&self) -> bool {
        self.elsewhere && !self.opt_out
    }

    /// Whether the recipient opted out, or blocked the sender.
    pub fn is_opt_out(&self) -> bool {
        self.opt_out
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind.as_str())?;
        if let Some(code) = &self.code {
            write!(f, " ({code})")?;
        }
        write!(f, ": {}", self.detail)
    }
}

impl fmt::Debug for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderError")
            .field("kind", &self.kind)
            .field("code", &self.code)
            .field("detail", &self.detail)
            .field("elsewhere", &self.elsewhere)
            .field("opt_out", &self.opt_out)
            .finish()
    }
}

impl std::error::Error for ProviderError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_whom_it_concerns() {
        let plain = ProviderError::rejected("no such number");
        assert!(!plain.may_help_elsewhere() && !plain.is_opt_out());
        let unroutable = ProviderError::rejected("no route").elsewhere();
        assert!(unroutable.may_help_elsewhere() && !unroutable.is_opt_out());
        // A recipient that wants nothing is not asked through somebody else.
        let opted_out = ProviderError::rejected("opted out").elsewhere().suppress();
        assert!(!opted_out.may_help_elsewhere() && opted_out.is_opt_out());
    }
}
