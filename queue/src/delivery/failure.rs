//! [`DeliveryFailure`]: why a message was not delivered.

use serde::{Deserialize, Serialize};

/// Why a message was not delivered, in the words of no provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeliveryFailure {
    /// The number is inactive, does not exist or takes no SMS: do not send to it again.
    Number,
    /// The subscriber can't be reached now, or the operator does not say why: a later message may arrive.
    Unreachable,
    /// The subscriber opted out, or blocked this sender: do not send to it from this sender again.
    Blocked,
    /// Somebody on the way refused this message, for example by its text, by policy or by the time of day.
    Refused,
    /// The sender id or its permissions are at fault: our settings.
    Sender,
    /// The account with the provider is at fault: suspended, or without credit.
    Account,
    /// The provider failed inside.
    Provider,
}

impl DeliveryFailure {
    /// The failure's name, for logs and metrics, such as `unreachable`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Unreachable => "unreachable",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
            Self::Sender => "sender",
            Self::Account => "account",
            Self::Provider => "provider",
        }
    }

    /// Whether no later message to this recipient can arrive either.
    pub const fn is_permanent(self) -> bool {
        matches!(self, Self::Number | Self::Blocked)
    }
}
