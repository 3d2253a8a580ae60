//! The gateway's codes as a [`ProviderError`], and what can be wrong with the settings.

use std::time::Duration;

use crate::provider::http::{TlsError, UrlError, safe};
use crate::provider::{ProviderError, ProviderErrorKind};

/// A client that can't be made. Never holds a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SalumError {
    /// Settings are missing or empty.
    #[error("set {}", names.join(", "))]
    Missing {
        /// The variables, every one that is missing.
        names: Vec<&'static str>,
    },
    /// The gateway's address can't be used.
    #[error("the gateway's address (SALUM_API_URL) is not usable: {0}")]
    Url(UrlError),
    /// TLS can't be set up.
    #[error("the HTTP client can't be made: {0}")]
    Tls(TlsError),
}

/// What a code of the gateway asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// 200: accepted, not delivered.
    Accepted,
    /// The message is refused, for this reason.
    Refused(ProviderErrorKind),
    /// 1004: no credit, or a number that can't be reached; the balance tells which.
    LowCredit,
    /// 1012, 1104: too many rows; nothing was sent.
    TooMany,
}

/// This account does not reach the number's network; another provider's may.
const NETWORK_NOT_ALLOWED: u32 = 1002;

/// Shortest wait after 4090, which says: try again after 5 minutes.
const INTERNAL_ERROR_WAIT: Duration = Duration::from_secs(300);

const TRANSIENT: ProviderErrorKind = ProviderErrorKind::Transient { after: None };

/// The codes of the family: the union of Advanta's `codes.md` and the tables of TextSMS and Celcom clients.
const CODES: [(u32, Verdict, &str); 17] = {
    use ProviderErrorKind::{Misconfigured, Rejected, Transient};
    use Verdict::{Accepted, LowCredit, Refused, TooMany};
    const INTERNAL: ProviderErrorKind = Transient {
        after: Some(INTERNAL_ERROR_WAIT),
    };
    [
        (200, Accepted, "success"),
        (1001, Refused(Misconfigured), "invalid sender id"),
        (
            NETWORK_NOT_ALLOWED,
            Refused(Rejected),
            "network not allowed",
        ),
        (1003, Refused(Rejected), "invalid mobile number"),
        (1004, LowCredit, "low bulk credits"),
        (1005, Refused(TRANSIENT), "system error"),
        (1006, Refused(Misconfigured), "invalid credentials"),
        (1007, Refused(TRANSIENT), "system error"),
        // A client treats it as accepted; it is an answer about reports, not a refusal.
        (1008, Accepted, "no delivery report"),
        (1009, Refused(Rejected), "unsupported data type"),
        (1010, Refused(Misconfigured), "unsupported request type"),
        (1012, TooMany, "too many messages on the list"),
        (1104, TooMany, "too many contacts"),
        (
            4090,
            Refused(INTERNAL),
            "internal error, try again after 5 minutes",
        ),
        (4091, Refused(Misconfigured), "no partner id is set"),
        (4092, Refused(Misconfigured), "no api key provided"),
        (4093, Refused(Misconfigured), "details not found"),
    ]
};

/// What `code` asks for. A code that nobody documents is tried again, until the attempts are used up.
pub(super) fn verdict(code: u32) -> Verdict {
    CODES
        .iter()
        .find(|(known, ..)| *known == code)
        .map_or(Verdict::Refused(TRANSIENT), |(_, verdict, _)| *verdict)
}

/// A refusal with `code`. In our own words for the codes we know; the gateway's, made safe, for others. `texts` are
/// those of the request, and `secrets` our credentials: a gateway may repeat both.
pub(super) fn refusal<'a>(
    kind: ProviderErrorKind,
    code: u32,
    description: &str,
    texts: impl Iterator<Item = &'a str>,
    secrets: &[&str],
) -> ProviderError {
    let words = CODES.iter().find(|(known, ..)| *known == code);
    let error = match words {
        Some((.., words)) => ProviderError::new(kind, words),
        None => {
            let words = safe(description, texts, secrets);
            ProviderError::new(kind, format!("undocumented code: {words}"))
        }
    };
    match code {
        NETWORK_NOT_ALLOWED => error.code(code).elsewhere(),
        _ => error.code(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_verdict() {
        use ProviderErrorKind::{Misconfigured, Rejected, Transient};
        use Verdict::{Accepted, LowCredit, Refused, TooMany};
        let after_five_minutes = Transient {
            after: Some(Duration::from_secs(300)),
        };
        for (code, expected) in [
            (200, Accepted),
            (1001, Refused(Misconfigured)),
            (1002, Refused(Rejected)),
            (1003, Refused(Rejected)),
            (1004, LowCredit),
            (1005, Refused(TRANSIENT)),
            (1006, Refused(Misconfigured)),
            (1007, Refused(TRANSIENT)),
            (1008, Accepted),
            (1009, Refused(Rejected)),
            (1010, Refused(Misconfigured)),
            (1012, TooMany),
            (1104, TooMany),
            (4090, Refused(after_five_minutes)),
            (4091, Refused(Misconfigured)),
            (4092, Refused(Misconfigured)),
            (4093, Refused(Misconfigured)),
            (0, Refused(TRANSIENT)),
            (7777, Refused(TRANSIENT)),
        ] {
            assert_eq!(verdict(code), expected, "{code}");
        }
    }

    #[test]
    fn only_a_network_that_is_not_reached_may_be_reached_elsewhere() {
        for (code, ..) in CODES {
            let nothing = std::iter::empty();
            let error = refusal(ProviderErrorKind::Rejected, code, "", nothing, &[]);
            assert_eq!(error.may_help_elsewhere(), code == 1002, "{code}");
            assert!(!error.is_opt_out(), "{code}");
        }
    }

    #[test]
    fn a_description_of_the_gateways_keeps_no_number_and_no_key() {
        let description = "Bad 254712345678 for key abcdefabcdefabcdefabcdef, asha: now";
        let texts = ["Karibu Asha!"].into_iter();
        let error = refusal(TRANSIENT, 9999, description, texts, &[]);
        assert_eq!(
            error.to_string(),
            "transient (9999): undocumented code: Bad … for key … … now"
        );
    }
}
