//! What the client's and the server's errors mean in the words of the seam.

use async_nats::ConnectErrorKind;
use async_nats::jetstream::{self, ErrorCode};

use crate::backend::{BackendError, BackendErrorKind};

/// The kind of an error that the server answered to a request or a publish.
pub(super) fn kind_of(code: ErrorCode) -> BackendErrorKind {
    match code {
        ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
        | ErrorCode::INSUFFICIENT_RESOURCES
        | ErrorCode::MEMORY_RESOURCES_EXCEEDED
        | ErrorCode::STORAGE_RESOURCES_EXCEEDED
        | ErrorCode::STREAM_MAX_STREAM_BYTES_EXCEEDED
        | ErrorCode::STREAM_STORE_FAILED => BackendErrorKind::Full,
        ErrorCode::CLUSTER_NOT_AVAILABLE
        | ErrorCode::CLUSTER_NOT_ACTIVE
        | ErrorCode::CLUSTER_NOT_ASSIGNED
        | ErrorCode::CLUSTER_NOT_LEADER
        | ErrorCode::STREAM_OFFLINE
        | ErrorCode::CONSUMER_OFFLINE => BackendErrorKind::Unreachable,
        ErrorCode::STREAM_NOT_FOUND | ErrorCode::CONSUMER_NOT_FOUND => BackendErrorKind::Missing,
        ErrorCode::STREAM_NAME_EXIST
        | ErrorCode::STREAM_SUBJECT_OVERLAP
        | ErrorCode::CONSUMER_ALREADY_EXISTS
        | ErrorCode::CONSUMER_NAME_EXIST
        | ErrorCode::CONSUMER_WQ_CONSUMER_NOT_UNIQUE => BackendErrorKind::Conflict,
        ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM => {
            BackendErrorKind::PayloadTooLarge
        }
        // Servers of 2.12 and newer refuse fields that they don't know.
        ErrorCode::INVALID_JSON | ErrorCode::REQUIRED_API_LEVEL => BackendErrorKind::ServerTooOld,
        ErrorCode::JETSTREAM_NOT_ENABLED
        | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT
        | ErrorCode::STREAM_INVALID_CONFIG
        | ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED
        | ErrorCode::CLUSTER_NO_PEERS
        | ErrorCode::MAXIMUM_CONSUMERS_LIMIT
        | ErrorCode::MAXIMUM_STREAMS_LIMIT
        | ErrorCode::STREAM_MAX_BYTES_REQUIRED => BackendErrorKind::Misconfigured,
        _ => BackendErrorKind::Io,
    }
}

/// An error that the server answered: its own words name no payload, only settings and assets.
pub(super) fn refused(what: &str, error: &jetstream::Error) -> BackendError {
    let code = error.error_code();
    BackendError::new(
        kind_of(code),
        format!("{what}: the server refuses: {error}"),
    )
}

/// No answer in time, from a server that may be electing a leader.
pub(super) fn unanswered(what: &str) -> BackendError {
    BackendError::new(
        BackendErrorKind::Unreachable,
        format!("{what}: the server did not answer in time; it is tried again by calling again"),
    )
}

/// Why no connection could be made, and what to do.
pub(super) fn connecting(kind: ConnectErrorKind) -> BackendError {
    let (kind, text) = match kind {
        ConnectErrorKind::ServerParse => (
            BackendErrorKind::Misconfigured,
            "the address of a server can't be read: write `nats://host:port`, several with commas between them",
        ),
        ConnectErrorKind::Dns => (
            BackendErrorKind::Unreachable,
            "no name of a NATS server can be resolved",
        ),
        ConnectErrorKind::TimedOut => (
            BackendErrorKind::Unreachable,
            "no NATS server answers in time",
        ),
        ConnectErrorKind::Io | ConnectErrorKind::MaxReconnects => (
            BackendErrorKind::Unreachable,
            "no NATS server can be reached: start one, or check the address",
        ),
        ConnectErrorKind::Authentication => (
            BackendErrorKind::Unauthorized,
            "the NATS credentials can't be used: check the seed, the token or the credentials file",
        ),
        ConnectErrorKind::AuthorizationViolation => (
            BackendErrorKind::Unauthorized,
            "the NATS server refuses the credentials: check user, password, token, NKey or credentials",
        ),
        ConnectErrorKind::Tls => (
            BackendErrorKind::Unauthorized,
            "no TLS with the NATS server: check its certificate, the trusted authorities and the client certificate",
        ),
    };
    BackendError::new(kind, text)
}
