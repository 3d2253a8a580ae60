//! Africa's Talking's codes as a [`ProviderError`], and what can be wrong with the settings.

use crate::provider::http::{TlsError, UrlError};
use crate::provider::{ProviderError, ProviderErrorKind};

/// A client that can't be made. Never holds a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AfricasTalkingError {
    /// Settings are missing or empty.
    #[error("set {}", names.join(", "))]
    Missing {
        /// The variables, every one that is missing.
        names: Vec<&'static str>,
    },
    /// The API key has characters that no key has, such as a line break.
    #[error("the API key is not a key: it has characters that can't be sent in a header")]
    Key,
    /// The API's address can't be used.
    #[error("the API's address (AFRICASTALKING_API_URL) is not usable: {0}")]
    Url(UrlError),
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
    /// The recipient blocked the sender.
    OptOut,
}

const TRANSIENT: ProviderErrorKind = ProviderErrorKind::Transient { after: None };

/// The refusals: their code, their name on the wire, what they mean, whom they concern, and our words.
const CODES: [(u32, &str, ProviderErrorKind, Concerns, &str); 11] = {
    use Concerns::{Nobody, OptOut, Route};
    use ProviderErrorKind::{Misconfigured, Rejected};
    [
        (
            401,
            "RiskHold",
            Misconfigured,
            Nobody,
            "the account is held for risk",
        ),
        (
            402,
            "InvalidSenderId",
            Misconfigured,
            Nobody,
            "invalid sender id",
        ),
        (
            403,
            "InvalidPhoneNumber",
            Rejected,
            Nobody,
            "invalid phone number",
        ),
        (
            404,
            "UnsupportedNumberType",
            Rejected,
            Nobody,
            "unsupported number type",
        ),
        (
            405,
            "InsufficientBalance",
            Misconfigured,
            Nobody,
            "insufficient balance",
        ),
        (
            406,
            "UserInBlacklist",
            Rejected,
            OptOut,
            "the recipient is on the blacklist",
        ),
        (
            407,
            "CouldNotRoute",
            Rejected,
            Route,
            "no route to the number",
        ),
        // Two clients say so; a third calls it DuplicateRequest. Neither is helped by sending it again.
        (
            409,
            "DoNotDisturbRejection",
            Rejected,
            Nobody,
            "refused: do not disturb, or a duplicate",
        ),
        (
            500,
            "InternalServerError",
            TRANSIENT,
            Nobody,
            "internal error",
        ),
        (501, "GatewayError", TRANSIENT, Nobody, "gateway error"),
        (
            502,
            "RejectedByGateway",
            Rejected,
            Route,
            "rejected by the gateway",
        ),
    ]
};

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// 100 Processed, 101 Sent, 102 Queued.
    Accepted,
    Refused(ProviderError),
    /// Neither: nobody documents it.
    Senseless,
}

/// What a row with `code`, or else with `status`, the code's name, says.
pub(super) fn verdict(code: Option<u32>, status: &str) -> Verdict {
    match code {
        Some(100..=102) => return Verdict::Accepted,
        Some(code) => {
            if let Some(error) = by_code(code) {
                return Verdict::Refused(error);
            }
            // By its hundreds, as the documented ones go.
            let words = "undocumented code";
            return match code {
                400..=499 => Verdict::Refused(ProviderError::rejected(words).code(code)),
                500..=599 => Verdict::Refused(ProviderError::transient(words).code(code)),
                _ => Verdict::Senseless,
            };
        }
        None => {}
    }
    let word = bare(status);
    match word.as_str() {
        // An old client reads these instead of the code.
        "success" | "sent" | "queued" | "processed" => Verdict::Accepted,
        _ => by_name(&word).map_or(Verdict::Senseless, Verdict::Refused),
    }
}

/// Why a call was refused as a whole: `message` names the reason, in a word or in a sentence.
pub(super) fn refused_as_a_whole(message: &str) -> ProviderError {
    let words = bare(message);
    // `Sent to 1/1`, and yet nobody is named: not a refusal that one can be sure of, no more than `0/0` or no word at all.
    // `Sent to 0/1` is.
    let to_none_of_some = sent_to(message).is_some_and(|(sent, of)| sent == 0 && of > 0);
    if words.is_empty() || (words.starts_with("sentto") && !to_none_of_some) {
        return ProviderError::unknown("the answer names no recipient");
    }
    by_name(&words)
        .unwrap_or_else(|| ProviderError::transient("refused as a whole, for an unknown reason"))
}

/// The numbers in `Sent to 0/1 Total Cost: 0`.
fn sent_to(message: &str) -> Option<(u32, u32)> {
    let numbers = message.split_whitespace().nth(2)?;
    let (sent, of) = numbers.split_once('/')?;
    Some((sent.parse().ok()?, of.parse().ok()?))
}

fn by_code(code: u32) -> Option<ProviderError> {
    let row = CODES.iter().find(|(known, ..)| *known == code)?;
    let (code, _, kind, concerns, words) = row;
    let error = ProviderError::new(*kind, words).code(code);
    Some(match concerns {
        Concerns::Nobody => error,
        Concerns::Route => error.elsewhere(),
        Concerns::OptOut => error.suppress(),
    })
}

/// The refusal whose name is in `words`.
fn by_name(words: &str) -> Option<ProviderError> {
    if words.contains("duplicaterequest") {
        return by_code(409);
    }
    let row = CODES
        .iter()
        .find(|(_, name, ..)| words.contains(&bare(name)));
    row.and_then(|(code, ..)| by_code(*code))
}

fn bare(words: &str) -> String {
    let letters = words.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_kind_and_its_mark_by_number_and_by_name() {
        use ProviderErrorKind::{Misconfigured, Rejected};
        for (code, name, kind, mark) in [
            (401, "RiskHold", Misconfigured, ""),
            (402, "InvalidSenderId", Misconfigured, ""),
            (403, "InvalidPhoneNumber", Rejected, ""),
            (404, "UnsupportedNumberType", Rejected, ""),
            (405, "InsufficientBalance", Misconfigured, ""),
            (406, "UserInBlacklist", Rejected, "opt-out"),
            (407, "CouldNotRoute", Rejected, "elsewhere"),
            (409, "DoNotDisturbRejection", Rejected, ""),
            (409, "DuplicateRequest", Rejected, ""),
            (500, "InternalServerError", TRANSIENT, ""),
            (501, "GatewayError", TRANSIENT, ""),
            (502, "RejectedByGateway", Rejected, "elsewhere"),
        ] {
            let by_number = verdict(Some(code), "");
            assert_eq!(verdict(None, name), by_number, "{name}");
            let Verdict::Refused(error) = by_number else {
                panic!("{code} is no refusal");
            };
            assert_eq!(refused_as_a_whole(name), error);
            assert_eq!(error.kind(), kind, "{code}");
            assert_eq!(error.provider_code(), Some(code.to_string().as_str()));
            assert_eq!(error.may_help_elsewhere(), mark == "elsewhere", "{code}");
            assert_eq!(error.is_opt_out(), mark == "opt-out", "{code}");
        }
    }

    #[test]
    fn accepted_is_accepted_and_the_rest_goes_by_hundreds() {
        for code in [100, 101, 102] {
            assert_eq!(verdict(Some(code), ""), Verdict::Accepted);
        }
        for word in ["Success", "Sent", "Queued", "Processed"] {
            assert_eq!(verdict(None, word), Verdict::Accepted);
        }
        let kind = |code| match verdict(Some(code), "Success") {
            Verdict::Refused(error) => Some(error.kind()),
            _ => None,
        };
        assert_eq!(kind(408), Some(ProviderErrorKind::Rejected));
        assert_eq!(kind(503), Some(TRANSIENT));
        for code in [0, 103, 200, 999] {
            assert_eq!(verdict(Some(code), "Success"), Verdict::Senseless, "{code}");
        }
        assert_eq!(verdict(None, "Teleported"), Verdict::Senseless);
    }

    #[test]
    fn a_call_refused_as_a_whole_says_why_in_a_sentence() {
        for (message, kind) in [
            ("Invalid Sender Id", ProviderErrorKind::Misconfigured),
            ("InsufficientBalance", ProviderErrorKind::Misconfigured),
            ("Sent to 0/1 Total Cost: 0", TRANSIENT),
            (
                "Sent to 1/1 Total Cost: KES 0.8000",
                ProviderErrorKind::Unknown,
            ),
            ("Sent to 0/0", ProviderErrorKind::Unknown),
            ("Sent to nobody", ProviderErrorKind::Unknown),
            ("", ProviderErrorKind::Unknown),
            ("Something else", TRANSIENT),
        ] {
            assert_eq!(refused_as_a_whole(message).kind(), kind, "{message}");
        }
        let error = refused_as_a_whole("no +254712345678 for canary").to_string();
        assert_eq!(
            error,
            "transient: refused as a whole, for an unknown reason"
        );
    }
}
