//! [`Fault`]: what goes wrong with one request.

use std::time::Duration;

/// What goes wrong with one request.
///
/// By default the request is lost before the gateway acts on it; with [`Fault::after_accepting`] the messages are sent
/// and only the answer suffers, which a client can't tell from the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub(super) kind: FaultKind,
    pub(super) accepts: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum FaultKind {
    Status {
        status: u16,
        retry_after: Option<String>,
    },
    Flat(u32),
    Body(String),
    Truncated,
    CutAfter(usize),
    Hang,
    Slow(Duration),
    Trickle(Duration),
    Endless,
    LengthLie(u64),
    Redirect,
    Stall,
    Bomb,
    Rows(RowFault),
}

/// What goes wrong with the rows of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowFault {
    /// They come in another order.
    Shuffled,
    /// The first one is missing.
    Missing,
    /// The first one comes twice.
    Repeated,
    /// The first one comes twice, once accepted and once refused.
    Contradicting,
    /// One about somebody else's message comes first.
    Foreign,
    /// They carry no `clientsmsid`.
    WithoutClientIds,
}

impl Fault {
    /// Answers with this HTTP status and an HTML page.
    pub fn status(status: u16) -> Self {
        Self::new(FaultKind::Status {
            status,
            retry_after: None,
        })
    }

    /// Answers with this HTTP status and `Retry-After`, however odd.
    pub fn status_retry_after(status: u16, retry_after: impl Into<String>) -> Self {
        Self::new(FaultKind::Status {
            status,
            retry_after: Some(retry_after.into()),
        })
    }

    /// Refuses the whole call with this code, as the provider writes it: the family with HTTP status 200.
    pub fn flat(code: u32) -> Self {
        Self::new(FaultKind::Flat(code))
    }

    /// Answers 200 with this body, such as an HTML page or nothing.
    pub fn body(body: impl Into<String>) -> Self {
        Self::new(FaultKind::Body(body.into()))
    }

    /// Acts on the request and answers with half of its JSON, complete as HTTP.
    pub fn truncated() -> Self {
        Self::new(FaultKind::Truncated).after_accepting()
    }

    /// Reads the request, then drops the connection without an answer.
    pub fn cut() -> Self {
        Self::new(FaultKind::CutAfter(0))
    }

    /// Acts on the request and drops the connection after this many bytes of the answer, headers included.
    pub fn cut_after(bytes: usize) -> Self {
        Self::new(FaultKind::CutAfter(bytes)).after_accepting()
    }

    /// Reads the request and never answers.
    pub fn hang() -> Self {
        Self::new(FaultKind::Hang)
    }

    /// Acts on the request and answers late.
    pub fn slow(delay: Duration) -> Self {
        Self::new(FaultKind::Slow(delay)).after_accepting()
    }

    /// Acts on the request and answers one byte at a time, with this pause between.
    pub fn trickle(pause: Duration) -> Self {
        Self::new(FaultKind::Trickle(pause)).after_accepting()
    }

    /// Answers without end.
    pub fn endless() -> Self {
        Self::new(FaultKind::Endless)
    }

    /// Promises a body of this many bytes in `Content-Length` and cuts the connection soon.
    pub fn length_lie(bytes: u64) -> Self {
        Self::new(FaultKind::LengthLie(bytes))
    }

    /// Sends the client to the same address again, for ever.
    pub fn redirect() -> Self {
        Self::new(FaultKind::Redirect)
    }

    /// Acts on the request, answers with the headers, and then with nothing.
    pub fn stall() -> Self {
        Self::new(FaultKind::Stall).after_accepting()
    }

    /// Answers with 10 KiB of gzip that unpack to 160 times as much, again and again.
    pub fn bomb() -> Self {
        Self::new(FaultKind::Bomb)
    }

    /// Acts on the request and answers with wrong rows.
    pub fn rows(fault: RowFault) -> Self {
        Self::new(FaultKind::Rows(fault)).after_accepting()
    }

    /// The gateway acts on the request first: messages are sent, balances fall.
    #[must_use]
    pub fn after_accepting(mut self) -> Self {
        self.accepts = true;
        self
    }

    /// Its name in the log.
    pub fn name(&self) -> &'static str {
        match self.kind {
            FaultKind::Status { .. } => "status",
            FaultKind::Flat(_) => "flat",
            FaultKind::Body(_) => "body",
            FaultKind::Truncated => "truncated",
            FaultKind::CutAfter(_) => "cut",
            FaultKind::Hang => "hang",
            FaultKind::Slow(_) => "slow",
            FaultKind::Trickle(_) => "trickle",
            FaultKind::Endless => "endless",
            FaultKind::LengthLie(_) => "length_lie",
            FaultKind::Redirect => "redirect",
            FaultKind::Stall => "stall",
            FaultKind::Bomb => "bomb",
            FaultKind::Rows(_) => "rows",
        }
    }

    fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            accepts: false,
        }
    }
}
