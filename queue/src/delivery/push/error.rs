//! [`PushError`]: settings that would not protect anything.

use super::token::{TOKEN_BYTES_MAX, TOKEN_BYTES_MIN};

/// Settings of a push handler that can't be used. Shows no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The token in the path could be guessed, or does not fit into one.
    #[error(
        "a push token has {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} characters, this one has {actual}: make one with `openssl rand -hex 32`"
    )]
    TokenLength {
        /// How many bytes it has.
        actual: usize,
    },
    /// The token holds a character that a path changes.
    #[error("a push token holds letters, digits, `-` and `_` only")]
    TokenCharacter,
    /// Without the auth token there is no signature to check.
    #[error("the auth token is empty")]
    AuthTokenEmpty,
    /// The public address is not one that a provider can call.
    #[error(
        "the public address must be what the provider calls, such as https://api.example.com/reports/twilio, without a query"
    )]
    PublicUrl,
    /// Neither an IP address nor a range.
    #[error("`{range}` is neither an IP address nor a range such as 192.0.2.0/24")]
    IpRange {
        /// What was given.
        range: String,
    },
}
