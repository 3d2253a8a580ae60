//! The words and codes of Twilio.

use super::{DeliveryReport, Meaning, normal};
use crate::delivery::DeliveryFailure::{
    Account, Blocked, Number, Provider, Refused, Sender, Unreachable,
};
use crate::delivery::DeliveryStatus::{Accepted, Delivered, Expired, Sent, Unknown};

/// The name of Twilio's reports and receipts.
pub const TWILIO: &str = "twilio";

impl DeliveryReport {
    /// The report that Twilio makes with a `MessageStatus`, such as `undelivered`, and an `ErrorCode`, such as `30003`.
    ///
    /// The statuses are those of Twilio's message resource, the codes those of its error dictionary. Twilio adds codes and
    /// splits old ones, so one that is not in our table still is a failure.
    pub fn twilio(
        message_id: impl Into<String>,
        message_status: &str,
        error_code: Option<&str>,
    ) -> Self {
        let code = error_code
            .map(str::trim)
            .filter(|code| !code.is_empty() && *code != "0");
        meaning(
            &normal(message_status),
            code.and_then(|code| code.parse().ok()),
        )
        .report(TWILIO, message_id)
        .code(code.unwrap_or(message_status))
    }
}

fn meaning(status: &str, code: Option<u32>) -> Meaning {
    match status {
        "accepted" | "scheduled" | "queued" | "sending" => Meaning::Is(Accepted),
        "sent" => Meaning::Is(Sent),
        "delivered" | "read" => Meaning::Is(Delivered),
        "failed" | "undelivered" => failure(code),
        // A scheduled message that its own account took back.
        "canceled" => Meaning::Failed(Refused),
        _ => Meaning::Is(Unknown),
    }
}

fn failure(code: Option<u32>) -> Meaning {
    match code {
        Some(30036) => Meaning::Is(Expired),
        Some(21610) => Meaning::Failed(Blocked),
        Some(21211 | 21614 | 21635 | 30005 | 30006) => Meaning::Failed(Number),
        Some(30004 | 30007) => Meaning::Failed(Refused),
        Some(21408 | 21606 | 21608) => Meaning::Failed(Sender),
        Some(20003 | 30002) => Meaning::Failed(Account),
        Some(20429 | 30001) => Meaning::Failed(Provider),
        Some(21_000..22_000) => Meaning::Failed(Refused),
        // 30003, 30008, those that are new, and no code at all: nobody says that it is for good.
        _ => Meaning::Failed(Unreachable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::DeliveryStatus;

    #[test]
    fn every_status_has_a_meaning() {
        for (word, status) in [
            ("accepted", Accepted),
            ("scheduled", Accepted),
            ("queued", Accepted),
            ("sending", Accepted),
            ("sent", Sent),
            ("delivered", Delivered),
            ("read", Delivered),
            ("undelivered", DeliveryStatus::Failed),
            ("failed", DeliveryStatus::Failed),
            ("canceled", DeliveryStatus::Failed),
            ("teleported", Unknown),
            ("", Unknown),
        ] {
            let report = DeliveryReport::twilio("SM1", word, None);
            assert_eq!(report.status, status, "{word}");
            assert!(!report.suppress);
        }
    }

    #[test]
    fn every_code_has_a_meaning() {
        for (code, failure) in [
            ("20003", Account),
            ("20429", Provider),
            ("21211", Number),
            ("21408", Sender),
            ("21606", Sender),
            ("21608", Sender),
            ("21610", Blocked),
            ("21612", Refused),
            ("21614", Number),
            ("21635", Number),
            ("30001", Provider),
            ("30002", Account),
            ("30003", Unreachable),
            ("30004", Refused),
            ("30005", Number),
            ("30006", Number),
            ("30007", Refused),
            ("30008", Unreachable),
            ("21999", Refused),
            ("30999", Unreachable),
            ("many", Unreachable),
        ] {
            let report = DeliveryReport::twilio("SM1", "undelivered", Some(code));
            assert_eq!(report.status, DeliveryStatus::Failed, "{code}");
            assert_eq!(report.failure, Some(failure), "{code}");
            assert_eq!(report.suppress, code == "21610", "{code}");
            assert_eq!(report.code.as_deref(), Some(code));
        }
        let late = DeliveryReport::twilio("SM1", "failed", Some("30036"));
        assert_eq!((late.status, late.failure), (Expired, None));
        let without = DeliveryReport::twilio("SM1", "failed", Some(" 0 "));
        assert_eq!(without.code.as_deref(), Some("failed"));
    }

    #[test]
    fn a_code_beside_a_good_status_changes_nothing() {
        let report = DeliveryReport::twilio("SM1", "delivered", Some("30003"));
        assert_eq!((report.status, report.failure), (Delivered, None));
    }
}
