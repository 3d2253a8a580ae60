//! The words of Salum and its gateway family.

use super::{DeliveryReport, Meaning, normal};
use crate::delivery::DeliveryFailure::{Blocked, Number, Refused, Sender, Unreachable};
use crate::delivery::DeliveryStatus::{Accepted, Delivered, Expired, Sent, Unknown};

/// The name of Salum's reports and receipts.
pub const SALUM: &str = "salum";

impl DeliveryReport {
    /// The report that Salum, or another gateway of its family, makes with `description`, such as `DeliveredToTerminal`;
    /// empty when it has no report yet. Case, spaces and punctuation do not matter.
    ///
    /// The words are Advanta's (`delivery-status.md`), those that clients of the family have seen, and those of the
    /// related Tilil table. One that is in none of them is [`Unknown`].
    pub fn salum(message_id: impl Into<String>, description: &str) -> Self {
        meaning(&normal(description))
            .report(SALUM, message_id)
            .code(description)
    }
}

fn meaning(word: &str) -> Meaning {
    match word {
        "deliveredtoterminal" | "delivered" => Meaning::Is(Delivered),
        // `No dlr` and `No Delivery Report` are how the family says that there is none yet.
        "" | "scheduled" | "queued" | "messagewaiting" | "messagepaused" | "nodlr"
        | "nodeliveryreport" => Meaning::Is(Accepted),
        "senttonetwork" | "deliveredtonetwork" => Meaning::Is(Sent),
        "messageexpired" | "expired" => Meaning::Is(Expired),
        "absentsubscriber" | "invalidmsisdn" | "usernotexist" => Meaning::Failed(Number),
        // `Unknown` is the blanket answer of Airtel and Telkom: unreachable, inactive or invalid.
        "unknown" | "userissuspended" | "userabnormalstate" | "teleservicenotprovisioned" => {
            Meaning::Failed(Unreachable)
        }
        "sendernameblacklisted" | "userinblacklist" | "messagerejected" => Meaning::Failed(Blocked),
        "deliveryimpossible" => Meaning::Failed(Refused),
        "invalidsourceaddress" => Meaning::Failed(Sender),
        // `DeliveryUncertain`: no report in 24 hours.
        _ => Meaning::Is(Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{DeliveryFailure, DeliveryStatus};

    /// Word, status, failure, suppress.
    const WORDS: &[(&str, DeliveryStatus, Option<DeliveryFailure>, bool)] = {
        use DeliveryStatus::Failed;
        &[
            ("DeliveredToTerminal", Delivered, None, false),
            ("delivered to terminal", Delivered, None, false),
            ("SentToNetwork", Sent, None, false),
            ("Sent To Network", Sent, None, false),
            ("DeliveredToNetwork", Sent, None, false),
            ("Scheduled", Accepted, None, false),
            ("Queued", Accepted, None, false),
            ("MessageWaiting", Accepted, None, false),
            ("MessagePaused", Accepted, None, false),
            ("No dlr", Accepted, None, false),
            ("No Delivery Report", Accepted, None, false),
            ("", Accepted, None, false),
            ("DeliveryUncertain", Unknown, None, false),
            ("MessageExpired", Expired, None, false),
            ("AbsentSubscriber", Failed, Some(Number), false),
            ("InvalidMsisdn", Failed, Some(Number), false),
            ("UserNotExist", Failed, Some(Number), false),
            ("DeliveryImpossible", Failed, Some(Refused), false),
            ("Delivery Impossible", Failed, Some(Refused), false),
            ("SenderName Blacklisted", Failed, Some(Blocked), true),
            ("UserInBlacklist", Failed, Some(Blocked), true),
            ("MessageRejected", Failed, Some(Blocked), true),
            ("Invalid Source Address", Failed, Some(Sender), false),
            ("Unknown", Failed, Some(Unreachable), false),
            ("UserIsSuspended", Failed, Some(Unreachable), false),
            ("UserAbnormalState", Failed, Some(Unreachable), false),
            (
                "TeleserviceNotProvisioned",
                Failed,
                Some(Unreachable),
                false,
            ),
            ("Teleported", Unknown, None, false),
        ]
    };

    #[test]
    fn every_word_has_a_meaning_whatever_its_spelling() {
        for &(word, status, failure, suppress) in WORDS {
            for spelling in [word.to_owned(), word.to_uppercase(), format!(" {word}.\n")] {
                let report = DeliveryReport::salum("42", &spelling);
                assert_eq!(report.status, status, "{word}");
                assert_eq!(report.failure, failure, "{word}");
                assert_eq!(report.suppress, suppress, "{word}");
            }
        }
    }
}
