//! [`DeliveryReport`]: what became of an accepted message.

/// What the gateway says became of an accepted message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryReport {
    /// What it means.
    pub state: DeliveryState,
    /// The gateway's own word, such as `DeliveredToTerminal`; empty when there is no report yet.
    pub description: String,
}

/// What a delivery report means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeliveryState {
    /// It is on the handset.
    Delivered,
    /// Not decided yet; when it stays so for a day or two, nobody will ever know.
    Pending,
    /// It was not delivered.
    Failed(DeliveryFailure),
    /// A word that we do not know.
    Unknown,
}

/// Why a message was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeliveryFailure {
    /// The number is inactive or does not exist; do not send to it again.
    Number,
    /// The subscriber can't be reached now, or the operator does not say why; a later message may arrive.
    Unreachable,
    /// The subscriber blocked this sender, or all promotions: do not send to it from this sender again.
    Blocked,
    /// The operator refused it, for example by policy or time of day.
    Refused,
    /// The sender id is unknown to the operator: a fault of the account's settings.
    Sender,
}

impl DeliveryReport {
    /// The report that `description` makes.
    pub fn new(description: impl Into<String>) -> Self {
        let description = description.into();
        Self {
            state: DeliveryState::of(&description),
            description,
        }
    }

    pub(super) fn none_yet() -> Self {
        Self {
            state: DeliveryState::Pending,
            description: String::new(),
        }
    }
}

impl DeliveryState {
    /// What `description` means; case, spaces and punctuation do not matter.
    ///
    /// The words are Advanta's (`delivery-status.md`), those that clients of the family have seen, and those of the
    /// related Tilil table.
    pub fn of(description: &str) -> Self {
        use DeliveryFailure::{Blocked, Number, Refused, Sender, Unreachable};
        let word: String = description
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        match word.as_str() {
            "deliveredtoterminal" | "delivered" => Self::Delivered,
            "" | "senttonetwork" | "scheduled" | "messagewaiting" | "deliveredtonetwork"
            | "deliveryuncertain" | "messagepaused" | "queued" | "nodlr" | "nodeliveryreport" => {
                Self::Pending
            }
            "absentsubscriber" | "invalidmsisdn" | "usernotexist" => Self::Failed(Number),
            "unknown" | "userissuspended" | "userabnormalstate" | "teleservicenotprovisioned" => {
                Self::Failed(Unreachable)
            }
            "sendernameblacklisted" | "userinblacklist" | "messagerejected" => {
                Self::Failed(Blocked)
            }
            "deliveryimpossible" => Self::Failed(Refused),
            "invalidsourceaddress" => Self::Failed(Sender),
            _ => Self::Unknown,
        }
    }

    /// Whether no later report changes it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Failed(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_a_meaning_whatever_its_spelling() {
        use DeliveryFailure::{Blocked, Number, Refused, Sender, Unreachable};
        use DeliveryState::{Delivered, Failed, Pending, Unknown};
        for (word, state) in [
            ("DeliveredToTerminal", Delivered),
            ("delivered to terminal", Delivered),
            ("SentToNetwork", Pending),
            ("Scheduled", Pending),
            ("DeliveryUncertain", Pending),
            ("No dlr", Pending),
            ("AbsentSubscriber", Failed(Number)),
            ("InvalidMsisdn", Failed(Number)),
            ("DeliveryImpossible", Failed(Refused)),
            ("Delivery Impossible", Failed(Refused)),
            ("SenderName Blacklisted", Failed(Blocked)),
            ("UserInBlacklist", Failed(Blocked)),
            ("Invalid Source Address", Failed(Sender)),
            ("Unknown", Failed(Unreachable)),
            ("Teleported", Unknown),
        ] {
            assert_eq!(DeliveryReport::new(word).state, state, "{word}");
        }
    }
}
