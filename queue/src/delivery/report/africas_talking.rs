//! The words of Africa's Talking.

use super::{DeliveryReport, Meaning, normal};
use crate::delivery::DeliveryFailure::{
    Account, Blocked, Number, Provider, Refused, Sender, Unreachable,
};
use crate::delivery::DeliveryStatus::{Delivered, Expired, Sent, Unknown};

/// The name of Africa's Talking's reports and receipts.
pub const AFRICAS_TALKING: &str = "africas_talking";

impl DeliveryReport {
    /// The report that Africa's Talking makes with a `status`, such as `Failed`, and a `failureReason`, such as
    /// `UserInBlacklist`. Case, spaces and punctuation do not matter: both `UserInBlackList` and `UserInBlacklist` come.
    pub fn africas_talking(
        message_id: impl Into<String>,
        status: &str,
        failure_reason: Option<&str>,
    ) -> Self {
        let reason = failure_reason.map(normal).unwrap_or_default();
        meaning(&normal(status), &reason)
            .report(AFRICAS_TALKING, message_id)
            .code(
                failure_reason
                    .filter(|_| !reason.is_empty())
                    .unwrap_or(status),
            )
    }
}

fn meaning(status: &str, reason: &str) -> Meaning {
    match status {
        // Sent by them, handed to the operator, waiting there.
        "sent" | "submitted" | "buffered" => Meaning::Is(Sent),
        "success" | "delivered" => Meaning::Is(Delivered),
        "expired" => Meaning::Is(Expired),
        "failed" | "rejected" => failure(reason).unwrap_or(Meaning::Failed(Unreachable)),
        // Some reasons also come as the status itself.
        word => failure(word).unwrap_or(Meaning::Is(Unknown)),
    }
}

fn failure(reason: &str) -> Option<Meaning> {
    Some(Meaning::Failed(match reason {
        "userinblacklist" => Blocked,
        "userdoesnotexist" | "userisinactive" | "invalidphonenumber" | "unsupportednumbertype" => {
            Number
        }
        // The last one is the answer when the operator says nothing.
        "absentsubscriber"
        | "useraccountsuspended"
        | "notnetworksubscriber"
        | "couldnotroute"
        | "usermemorycapacityexceeded"
        | "deliveryfailure" => Unreachable,
        // No airtime for a premium message, no subscription, a register against advertising: this message only.
        "insufficientcredit"
        | "usernotsubscribedtoproduct"
        | "donotdisturbrejection"
        | "rejectedbygateway" => Refused,
        "invalidsenderid" | "invalidlinkid" => Sender,
        "insufficientbalance" | "riskhold" => Account,
        "internalservererror" | "gatewayerror" | "systemerror" => Provider,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::DeliveryStatus;

    #[test]
    fn every_status_has_a_meaning() {
        for (word, status) in [
            ("Sent", Sent),
            ("Submitted", Sent),
            ("Buffered", Sent),
            ("Success", Delivered),
            ("Delivered", Delivered),
            ("Failed", DeliveryStatus::Failed),
            ("Rejected", DeliveryStatus::Failed),
            ("AbsentSubscriber", DeliveryStatus::Failed),
            ("Expired", Expired),
            ("Teleported", Unknown),
            ("", Unknown),
        ] {
            let report = DeliveryReport::africas_talking("ATXid_1", word, None);
            assert_eq!(report.status, status, "{word}");
        }
    }

    #[test]
    fn every_reason_has_a_meaning() {
        for (reason, failure) in [
            ("UserInBlacklist", Blocked),
            ("UserInBlackList", Blocked),
            ("UserDoesNotExist", Number),
            ("UserIsInactive", Number),
            ("InvalidPhoneNumber", Number),
            ("UnsupportedNumberType", Number),
            ("AbsentSubscriber", Unreachable),
            ("UserAccountSuspended", Unreachable),
            ("NotNetworkSubscriber", Unreachable),
            ("CouldNotRoute", Unreachable),
            ("UserMemoryCapacityExceeded", Unreachable),
            ("DeliveryFailure", Unreachable),
            ("InsufficientCredit", Refused),
            ("UserNotSubscribedToProduct", Refused),
            ("DoNotDisturbRejection", Refused),
            ("RejectedByGateway", Refused),
            ("InvalidSenderId", Sender),
            ("InvalidLinkId", Sender),
            ("InsufficientBalance", Account),
            ("RiskHold", Account),
            ("InternalServerError", Provider),
            ("GatewayError", Provider),
            ("SystemError", Provider),
            ("Teleported", Unreachable),
        ] {
            let report = DeliveryReport::africas_talking("ATXid_1", "Failed", Some(reason));
            assert_eq!(report.status, DeliveryStatus::Failed, "{reason}");
            assert_eq!(report.failure, Some(failure), "{reason}");
            assert_eq!(report.suppress, failure == Blocked, "{reason}");
            assert_eq!(report.code.as_deref(), Some(reason));
        }
        let without = DeliveryReport::africas_talking("ATXid_1", "Rejected", Some(" "));
        assert_eq!(without.failure, Some(Unreachable));
        assert_eq!(without.code.as_deref(), Some("Rejected"));
    }
}
