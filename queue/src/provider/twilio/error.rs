//! Twilio's codes as a [`ProviderError`], and what can be wrong with the settings.

use std::time::Duration;

use crate::provider::http::{BUSY_WAIT, HttpAnswer, TlsError, UrlError, status_error};
use crate::provider::{ProviderError, ProviderErrorKind};

/// A client that can't be made. Never holds a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TwilioError {
    /// Settings are missing or empty.
    #[error("set {}", names.join(", "))]
    Missing {
        /// The variables, every one that is missing.
        names: Vec<&'static str>,
    },
    /// A number and a Messaging Service are both given as the sender.
    #[error("set TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID, not both")]
    TwoSenders,
    /// A SID is not of its form, as when two variables were exchanged.
    #[error("the {name} is not `{prefix}` and 32 hexadecimal digits")]
    Sid {
        /// The setting.
        name: &'static str,
        /// What it starts with.
        prefix: &'static str,
    },
    /// The API's address can't be used.
    #[error("the API's address (TWILIO_API_URL) is not usable: {0}")]
    Url(UrlError),
    /// The status callback's address can't be used.
    #[error("the status callback's address (TWILIO_STATUS_CALLBACK) is not usable: {0}")]
    StatusCallback(UrlError),
    /// TLS can't be set up.
    #[error("the HTTP client can't be made: {0}")]
    Tls(TlsError),
}

/// Whom a refusal concerns beside the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Concerns {
    Nobody,
    /// Another network may take it.
    Route,
    /// The recipient opted out.
    OptOut,
}

/// How long a number is left alone that could not be reached: minutes, for a phone that is off stays off for a while.
const LATE: Duration = Duration::from_secs(600);

/// The codes that decide something, from twilio.com/docs/api/errors. Twilio splits codes into finer ones (July 2024) and
/// advises against logic on them, so the rest is decided by thousands: see [`kind_of`].
///
/// What is wrong with our account or sender holds the provider. What it does not do for one region, route or number is
/// no reason to: such a message is refused, and another provider may take it.
const CODES: [(u32, ProviderErrorKind, Concerns, &str); 32] = {
    use Concerns::{Nobody, OptOut, Route};
    use ProviderErrorKind::{Misconfigured, Rejected, Throttled, Transient};
    const BUSY: ProviderErrorKind = Throttled { after: BUSY_WAIT };
    const SOON: ProviderErrorKind = Transient { after: None };
    const LATER: ProviderErrorKind = Transient { after: Some(LATE) };
    const TRIAL: &str = "a trial account sends to verified numbers only";
    const NO_SERVICE: &str = "the Messaging Service can't be used";
    [
        (20003, Misconfigured, Nobody, "authentication failed"),
        (20429, BUSY, Nobody, "too many requests"),
        (21211, Rejected, Nobody, "not a number that can be sent to"),
        (21212, Misconfigured, Nobody, "not a number to send from"),
        (21219, Rejected, Route, TRIAL),
        (21408, Rejected, Route, "the region is not enabled"),
        (21606, Misconfigured, Nobody, "the sender can't send SMS"),
        (21608, Rejected, Route, TRIAL),
        (21610, Rejected, OptOut, "the recipient opted out"),
        // The queue of the sender is full; nothing was taken.
        (
            21611,
            BUSY,
            Nobody,
            "the sender has too many queued messages",
        ),
        (
            21612,
            Rejected,
            Route,
            "no route from the sender to the number",
        ),
        (21614, Rejected, Nobody, "not a mobile number"),
        (21635, Rejected, Nobody, "a fixed line"),
        // A sender that is not ours, or a short code of another country than the number's: only the first is everybody's.
        (
            21659,
            Misconfigured,
            Route,
            "not our sender, or not for this country",
        ),
        (
            21660,
            Misconfigured,
            Nobody,
            "the sender is another account's",
        ),
        (21661, Misconfigured, Nobody, "the sender can't send SMS"),
        (21662, Rejected, Route, "not from this region"),
        (21663, Misconfigured, Nobody, "the sender is routed wrongly"),
        (21668, Rejected, Route, "not from this region"),
        (21701, Misconfigured, Nobody, NO_SERVICE),
        (21702, Misconfigured, Nobody, NO_SERVICE),
        // It may have senders for other countries.
        (
            21703,
            Misconfigured,
            Route,
            "the Messaging Service has no sender for it",
        ),
        (
            21704,
            Misconfigured,
            Nobody,
            "the Messaging Service has no sender",
        ),
        (21705, Misconfigured, Nobody, NO_SERVICE),
        (30001, SOON, Nobody, "the queue overflowed"),
        (30002, Misconfigured, Nobody, "the account is suspended"),
        (30003, LATER, Nobody, "the handset can't be reached"),
        (30004, Rejected, Nobody, "the message was blocked"),
        (30005, Rejected, Nobody, "unknown handset"),
        (
            30006,
            Rejected,
            Nobody,
            "a fixed line, or a carrier that can't be reached",
        ),
        (30007, Rejected, Nobody, "the content was filtered"),
        (30008, LATER, Nobody, "failed for an unknown reason"),
    ]
};

/// What a refusal with `code` means; `status` is that of HTTP, for codes of which only the API's area is known.
fn kind_of(code: u32, status: ProviderErrorKind) -> ProviderErrorKind {
    match code {
        // Unknown 21xxx: this request never works. Unknown 30xxx: a delivery that failed.
        21000..=21999 | 30000..=30999 => ProviderErrorKind::Rejected,
        _ => status,
    }
}

/// A refusal with `code`, in our own words: Twilio's repeat the number. `kind` makes what is known of it fit the answer.
fn refusal(
    code: u32,
    otherwise: ProviderErrorKind,
    kind: impl FnOnce(ProviderErrorKind) -> ProviderErrorKind,
) -> ProviderError {
    let row = CODES.iter().find(|(known, ..)| *known == code);
    let (usual, concerns, words) = match row {
        Some((_, usual, concerns, words)) => (*usual, *concerns, *words),
        None => (
            kind_of(code, otherwise),
            Concerns::Nobody,
            "see twilio.com/docs/api/errors",
        ),
    };
    let error = ProviderError::new(kind(usual), words).code(code);
    match concerns {
        Concerns::Nobody => error,
        Concerns::Route => error.elsewhere(),
        Concerns::OptOut => error.suppress(),
    }
}

/// Why an accepted message ended without a delivery: `code` is the one of its report, if any.
pub(super) fn failed_delivery(code: Option<u32>) -> ProviderError {
    match code {
        Some(code) => refusal(code, ProviderErrorKind::Rejected, |usual| usual),
        None => ProviderError::rejected("not delivered"),
    }
}

/// What an answer other than 2xx says of a request; `code` is the one in its body.
pub(super) fn refused(answer: &HttpAnswer, code: Option<u32>) -> ProviderError {
    let by_status = status_error(answer.status, answer.retry_after);
    let Some(code) = code.filter(|_| answer.is_believable() || answer.status == 429) else {
        return by_status;
    };
    // How long to wait the server knows best.
    let fitting = |usual| match (usual, by_status.kind()) {
        (_, throttled @ ProviderErrorKind::Throttled { .. }) => throttled,
        (ProviderErrorKind::Throttled { after }, _) => ProviderErrorKind::Throttled {
            after: answer.retry_after.unwrap_or(after),
        },
        (usual, _) => usual,
    };
    refusal(code, by_status.kind(), fitting)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const SOON: ProviderErrorKind = ProviderErrorKind::Transient { after: None };
    pub(in crate::provider::twilio) const LATE: ProviderErrorKind = ProviderErrorKind::Transient {
        after: Some(Duration::from_secs(600)),
    };
    const BUSY: ProviderErrorKind = ProviderErrorKind::Throttled {
        after: Duration::from_secs(10),
    };

    /// Every code of the table, what it means, and whether another provider may help or the recipient opted out.
    pub(in crate::provider::twilio) const CODES: &[(u32, ProviderErrorKind, &str)] = {
        use ProviderErrorKind::{Misconfigured, Rejected};
        &[
            (20003, Misconfigured, ""),
            (20429, BUSY, ""),
            (21211, Rejected, ""),
            (21212, Misconfigured, ""),
            (21219, Rejected, "elsewhere"),
            (21408, Rejected, "elsewhere"),
            (21606, Misconfigured, ""),
            (21608, Rejected, "elsewhere"),
            (21610, Rejected, "opt-out"),
            (21611, BUSY, ""),
            (21612, Rejected, "elsewhere"),
            (21614, Rejected, ""),
            (21635, Rejected, ""),
            (21659, Misconfigured, "elsewhere"),
            (21660, Misconfigured, ""),
            (21661, Misconfigured, ""),
            (21662, Rejected, "elsewhere"),
            (21663, Misconfigured, ""),
            (21668, Rejected, "elsewhere"),
            (21701, Misconfigured, ""),
            (21702, Misconfigured, ""),
            (21703, Misconfigured, "elsewhere"),
            (21704, Misconfigured, ""),
            (21705, Misconfigured, ""),
            (21999, Rejected, ""),
            (30001, SOON, ""),
            (30002, Misconfigured, ""),
            (30003, LATE, ""),
            (30004, Rejected, ""),
            (30005, Rejected, ""),
            (30006, Rejected, ""),
            (30007, Rejected, ""),
            (30008, LATE, ""),
            (30999, Rejected, ""),
        ]
    };

    fn answer(status: u16, retry_after: Option<Duration>) -> HttpAnswer {
        HttpAnswer {
            status,
            retry_after,
            body: Vec::new(),
        }
    }

    #[test]
    fn every_code_has_its_kind_and_its_mark() {
        for &(code, kind, mark) in CODES {
            for error in [
                refused(&answer(400, None), Some(code)),
                failed_delivery(Some(code)),
            ] {
                assert_eq!(error.kind(), kind, "{code}");
                assert_eq!(error.provider_code(), Some(code.to_string().as_str()));
                assert_eq!(error.may_help_elsewhere(), mark == "elsewhere", "{code}");
                assert_eq!(error.is_opt_out(), mark == "opt-out", "{code}");
            }
        }
    }

    #[test]
    fn codes_of_other_areas_are_as_bad_as_their_status() {
        use ProviderErrorKind::{Misconfigured, Rejected, Throttled, Unknown};
        let wait = Duration::from_secs(7);
        for (status, code, kind) in [
            (400, Some(20001), Rejected),
            (403, Some(20403), Misconfigured),
            (404, Some(20404), Misconfigured),
            (401, None, Misconfigured),
            (429, Some(20429), Throttled { after: wait }),
            (429, Some(14107), Throttled { after: wait }),
            (429, None, Throttled { after: wait }),
            // A server that fails inside may have sent it, whatever its body says.
            (500, Some(20500), Unknown),
            (500, Some(21211), Unknown),
        ] {
            let error = refused(&answer(status, Some(wait)), code);
            assert_eq!(error.kind(), kind, "{status} {code:?}");
        }
        let full = refused(&answer(400, Some(wait)), Some(21611));
        assert_eq!(full.kind(), Throttled { after: wait });
        assert_eq!(
            full.to_string(),
            "throttled (21611): the sender has too many queued messages"
        );
    }
}
