//! [`HttpFailure`]: why there is no answer, and whether the request may have been read.

use std::error::Error;
use std::io;

/// Why there is no answer. In our own words: the client's errors carry URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpFailure {
    /// Nothing of the request was written.
    NotSent(&'static str),
    /// The server may have read the request and acted on it.
    Unknown(&'static str),
}

impl HttpFailure {
    /// What happened.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::NotSent(words) | Self::Unknown(words) => words,
        }
    }
}

impl From<reqwest::Error> for HttpFailure {
    fn from(error: reqwest::Error) -> Self {
        if error.is_builder() {
            return Self::NotSent("the request could not be made");
        }
        // The connector does DNS, TCP and TLS; the request is written when it is done.
        if error.is_connect() {
            return Self::NotSent(connect_words(&error));
        }
        Self::Unknown(match () {
            () if error.is_timeout() => "no answer in time",
            () if error.is_body() || error.is_decode() => "the answer was cut off",
            () => "the connection broke before an answer",
        })
    }
}

fn connect_words(error: &reqwest::Error) -> &'static str {
    if error.is_dns() {
        return "could not connect: the host name was not found";
    }
    if error.is_timeout() {
        return "could not connect in time";
    }
    error
        .source()
        .and_then(cause_words)
        .unwrap_or("could not connect")
}

/// Looks for the cause that says most. An I/O error hides what it wraps from `source`, and may wrap another.
fn cause_words(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if error.is::<rustls::Error>() {
        return Some("could not connect: TLS failed");
    }
    let Some(io) = error.downcast_ref::<io::Error>() else {
        return error.source().and_then(cause_words);
    };
    if let Some(words) = io.get_ref().and_then(|inner| cause_words(inner)) {
        return Some(words);
    }
    match io.kind() {
        io::ErrorKind::ConnectionRefused => Some("could not connect: refused"),
        io::ErrorKind::ConnectionReset => Some("could not connect: reset"),
        io::ErrorKind::TimedOut => Some("could not connect in time"),
        _ => None,
    }
}
