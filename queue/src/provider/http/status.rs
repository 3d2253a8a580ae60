//! What an HTTP status says of a send, when nothing else does.

use std::time::Duration;

use crate::provider::{ProviderError, ProviderErrorKind};

/// How long a server that is too busy is left alone when it does not say.
pub(crate) const BUSY_WAIT: Duration = Duration::from_secs(10);

/// What an HTTP status other than 2xx says of a send, when its body says nothing.
pub(crate) fn status_error(status: u16, retry_after: Option<Duration>) -> ProviderError {
    let kind = match status {
        429 => ProviderErrorKind::Throttled {
            after: retry_after.unwrap_or(BUSY_WAIT),
        },
        503 => ProviderErrorKind::Transient { after: retry_after },
        400 | 413 | 414 | 422 => ProviderErrorKind::Rejected,
        // The server gave up waiting for a request that it may have read.
        408 => ProviderErrorKind::Unknown,
        // 3xx too: a redirect is not followed, for it would take the key elsewhere.
        300..=499 => ProviderErrorKind::Misconfigured,
        _ => ProviderErrorKind::Unknown,
    };
    ProviderError::new(kind, format!("HTTP status {status}")).code(format_args!("http-{status}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_kind() {
        use ProviderErrorKind::{Misconfigured, Rejected, Throttled, Transient, Unknown};
        let wait = Some(Duration::from_secs(7));
        for (status, kind) in [
            (302, Misconfigured),
            (400, Rejected),
            (401, Misconfigured),
            (403, Misconfigured),
            (404, Misconfigured),
            (405, Misconfigured),
            (408, Unknown),
            (413, Rejected),
            (422, Rejected),
            (
                429,
                Throttled {
                    after: Duration::from_secs(7),
                },
            ),
            (500, Unknown),
            (502, Unknown),
            (503, Transient { after: wait }),
            (504, Unknown),
        ] {
            assert_eq!(status_error(status, wait).kind(), kind, "{status}");
        }
    }
}
