//! What the suppression list holds of a recipient.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::job::{Address, LimitError, RecipientKey, check_text};

/// Longest sender, in bytes.
pub const SENDER_BYTES_MAX: usize = 64;

/// In whose name messages are sent: a sender id, a short code, a brand. 1 to 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sender(String);

impl Sender {
    /// Checks and takes `text`.
    ///
    /// # Errors
    /// [`LimitError`] when it is empty, too long or holds control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, LimitError> {
        let text = text.into();
        check_text("sender", &text, SENDER_BYTES_MAX)?;
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which messages to a recipient are stopped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SuppressionScope {
    /// All of the channel, whoever sends them.
    Everything,
    /// Those of one sender.
    Sender(Sender),
}

/// Why messages to a recipient are stopped. Of two reasons the graver one is kept: an opt-out stays one when the number fails
/// too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SuppressionReason {
    /// Messages can't arrive: no such number, a landline, a closed account.
    HardFailure,
    /// A person of ours said so.
    Manual,
    /// The recipient complained.
    Complaint,
    /// The recipient said stop, or blocked the sender.
    OptedOut,
    /// A reason that a newer version of the library wrote.
    #[serde(other)]
    Other,
}

impl SuppressionReason {
    /// The reason's name, for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HardFailure => "hard_failure",
            Self::Manual => "manual",
            Self::Complaint => "complaint",
            Self::OptedOut => "opted_out",
            Self::Other => "other",
        }
    }

    fn gravity(self) -> u8 {
        match self {
            Self::Other => 0,
            Self::HardFailure => 1,
            Self::Manual => 2,
            Self::Complaint => 3,
            Self::OptedOut => 4,
        }
    }
}

/// Who told that messages must stop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SuppressionSource {
    /// The provider of this name, when it refused a message.
    Provider(String),
    /// A delivery report of the provider of this name.
    Report(String),
    /// The recipient itself, by a message or a link.
    Recipient,
    /// A person or program of ours.
    Operator,
    /// A list from elsewhere.
    Import,
}

/// A recipient to be put on the list: [`Suppression::add`](super::Suppression::add).
#[derive(Clone, PartialEq, Eq)]
pub struct Suppress {
    pub(super) recipient: RecipientKey,
    pub(super) masked: Option<String>,
    pub(super) scope: SuppressionScope,
    pub(super) reason: SuppressionReason,
    pub(super) source: SuppressionSource,
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
}

impl Suppress {
    /// The recipient behind `key`, for [everything](SuppressionScope::Everything), because an
    /// [operator](SuppressionSource::Operator) said so, from now on and for ever.
    pub fn new(key: RecipientKey, reason: SuppressionReason) -> Self {
        Self {
            recipient: key,
            masked: None,
            scope: SuppressionScope::Everything,
            reason,
            source: SuppressionSource::Operator,
            since: None,
            until: None,
        }
    }

    /// As [`new`](Self::new), for an address of `channel`, a message's
    /// [`CHANNEL`](crate::provider::Message::CHANNEL), such as `sms`. Its masked form is kept for people to see.
    pub fn address(channel: &str, address: &impl Address, reason: SuppressionReason) -> Self {
        Self {
            masked: address.masked(),
            ..Self::new(address.key(channel), reason)
        }
    }

    /// Only messages of this sender.
    #[must_use]
    pub fn sender(mut self, sender: Sender) -> Self {
        self.scope = SuppressionScope::Sender(sender);
        self
    }

    /// Who told.
    #[must_use]
    pub fn source(mut self, source: SuppressionSource) -> Self {
        self.source = source;
        self
    }

    /// When it was told, if not now. An opt-out that is older than the last time it was lifted changes nothing: a report
    /// that comes late must not take a new consent back.
    #[must_use]
    pub fn since(mut self, since: Timestamp) -> Self {
        self.since = Some(since);
        self
    }

    /// It ends by itself at this moment, such as a hard failure of a number that may be given to somebody else.
    #[must_use]
    pub fn until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }
}

impl fmt::Debug for Suppress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suppress")
            .field("scope", &self.scope)
            .field("reason", &self.reason)
            .field("source", &self.source)
            .field("since", &self.since)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// An entry of the suppression list.
///
/// It holds no address: the list can say whether an address is on it, and can't name the addresses that are. `masked` is
/// for a person's eyes. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SuppressionEntry {
    /// Who gets nothing.
    pub recipient: RecipientKey,
    /// The address with most of it hidden, such as `+254*******78`, when it was known.
    pub masked: Option<String>,
    /// Which messages are stopped.
    pub scope: SuppressionScope,
    /// Why.
    pub reason: SuppressionReason,
    /// Who told.
    pub source: SuppressionSource,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself; `None` for never.
    pub until: Option<Timestamp>,
}

impl SuppressionEntry {
    /// The entry that says what both say: the graver reason with its source, the earlier beginning, the later end. So a
    /// report never weakens what is known, in whatever order reports come.
    pub(super) fn joined(self, other: Self) -> Self {
        let until = match (self.until, other.until) {
            (Some(a), Some(b)) => Some(a.max(b)),
            _ => None,
        };
        let since = self.since.min(other.since);
        let masked = self.masked.clone().or_else(|| other.masked.clone());
        let graver = match other.reason.gravity() > self.reason.gravity() {
            true => other,
            false => self,
        };
        Self {
            masked,
            since,
            until,
            ..graver
        }
    }
}

impl fmt::Debug for SuppressionEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SuppressionEntry")
            .field("scope", &self.scope)
            .field("reason", &self.reason)
            .field("source", &self.source)
            .field("since", &self.since)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}
