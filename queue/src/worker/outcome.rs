//! [`Outcome`]: what became of one attempt.

use std::time::Duration;

use crate::provider::{ProviderError, ProviderErrorKind, Receipt, RenderError};

/// What became of one attempt. A worker acts on it; nobody else does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Completed(Option<Receipt>),
    /// Failed, surely without an effect; try again. The attempt is counted.
    Retry {
        /// Wait at least this long; otherwise, or when it is longer, the backoff decides.
        after: Option<Duration>,
        /// Why, without personal data.
        reason: String,
    },
    /// Not now: try again after this long. The attempt is not counted.
    Snooze {
        /// How long.
        after: Duration,
        /// Why, without personal data.
        reason: String,
    },
    /// Never works.
    Dead {
        /// Why, without personal data.
        reason: String,
    },
    /// The deadline passed before it was sent.
    Expired,
    /// May have had its effect or not; the kind's policy decides.
    Unknown {
        /// Why, without personal data.
        reason: String,
    },
    /// An earlier attempt may have had its effect, nobody can tell, and this one did nothing: kept as unknown for a person
    /// or a delivery report to decide, whatever the kind's policy.
    Unresolved {
        /// Why nobody can tell, without personal data.
        reason: String,
    },
}

/// How long a job waits while its provider is misconfigured, before it asks again.
pub const MISCONFIGURED_HOLD: Duration = Duration::from_secs(60);

impl Outcome {
    /// The outcome's name, for logs and metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Completed(_) => "completed",
            Self::Retry { .. } => "retry",
            Self::Snooze { .. } => "snooze",
            Self::Dead { .. } => "dead",
            Self::Expired => "expired",
            Self::Unknown { .. } => "unknown",
            Self::Unresolved { .. } => "unresolved",
        }
    }
}

impl From<Result<Receipt, ProviderError>> for Outcome {
    fn from(answer: Result<Receipt, ProviderError>) -> Self {
        match answer {
            Ok(receipt) => Self::Completed(Some(receipt)),
            Err(error) => Self::from(error),
        }
    }
}

impl From<ProviderError> for Outcome {
    fn from(error: ProviderError) -> Self {
        let reason = error.to_string();
        match error.kind() {
            ProviderErrorKind::Rejected => Self::Dead { reason },
            ProviderErrorKind::Throttled { after } => Self::Snooze { after, reason },
            ProviderErrorKind::Transient { after } => Self::Retry { after, reason },
            ProviderErrorKind::Unknown => Self::Unknown { reason },
            ProviderErrorKind::Misconfigured => Self::Snooze {
                after: MISCONFIGURED_HOLD,
                reason,
            },
        }
    }
}

impl From<RenderError> for Outcome {
    fn from(error: RenderError) -> Self {
        Self::Dead {
            reason: format!("does not render: {error}"),
        }
    }
}
