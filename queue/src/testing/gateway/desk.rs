//! [`Desk`]: what tells one provider's stand-in from another's. Everything else (faults, log, latency, pushes) is shared.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;

use super::fault::{Fault, RowFault};
use super::log::GatewayRow;

/// One request, as it came.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What the provider of one personality does with requests.
pub(super) trait Desk: Send {
    /// What the request asks for, such as `sendsms`; `None` when there is nothing under its path.
    fn endpoint(&self, asked: &Asked) -> Option<String>;

    /// A fault that the request brings upon itself.
    fn own_fault(&self, _asked: &Asked) -> Option<Fault> {
        None
    }

    /// Decides, and does.
    fn hear(&mut self, account: &mut Account, endpoint: &str, asked: &Asked) -> Heard;

    /// How a refusal of the whole call with `code` is written.
    fn refusal(&self, code: u32) -> Written;

    /// How rows are written.
    fn envelope(&self, rows: Vec<Value>) -> Written;

    /// Changes a row into one that says the opposite (`Contradicting`), is about somebody else (`Foreign`), or lacks the
    /// caller's id (`WithoutClientIds`).
    fn spoil(&self, row: &mut Value, fault: RowFault);

    /// How the report that `id` is at `word`, `after` its acceptance, is posted; `None` when it is posted nowhere.
    fn report(
        &self,
        id: &str,
        sent: Option<&Sent>,
        to: Option<&PushTo>,
        at: &Stage,
    ) -> Option<Post>;
}

/// What was decided about one request.
pub(super) struct Heard {
    /// The messages that it brought; the log numbers them.
    pub(super) rows: Vec<GatewayRow>,
    /// The code of a refusal as a whole.
    pub(super) code: Option<u32>,
    pub(super) reply: Reply,
    /// Where reports of the accepted ones go, when the request says so.
    pub(super) callback: Option<String>,
}

impl Heard {
    /// A call that was refused as a whole.
    pub(super) fn refused(code: u32, reply: Written) -> Self {
        Self {
            rows: Vec::new(),
            code: Some(code),
            reply: Reply::Written(reply),
            callback: None,
        }
    }

    /// An answer to a question.
    pub(super) fn answered(reply: Reply) -> Self {
        Self {
            rows: Vec::new(),
            code: None,
            reply,
            callback: None,
        }
    }
}

/// An answer, before a fault spoils it.
pub(super) enum Reply {
    /// Rows that [`Desk::envelope`] writes.
    Rows(Vec<Value>),
    Written(Written),
}

/// An answer as it goes out.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

impl Written {
    pub(super) fn json(status: StatusCode, body: String) -> Self {
        Self {
            status,
            content_type: "application/json",
            body,
        }
    }

    pub(super) fn text(status: StatusCode, body: impl Into<String>) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: body.into(),
        }
    }
}

/// What every account has: credit, numbers that always get a code, and the messages it sent.
#[derive(Clone, Debug)]
pub(super) struct Account {
    /// What is left, in hundredths of a credit.
    pub(super) credit_cents: i64,
    /// What a segment costs, in hundredths of a credit.
    pub(super) segment_cents: i64,
    /// Numbers that always get a code, by their digits.
    pub(super) codes: HashMap<String, u32>,
    pub(super) message_number_next: u64,
    /// How reports progress: each word, and how long after the acceptance it is true.
    pub(super) progress: Vec<Stage>,
    /// What was accepted, by its id.
    pub(super) sent: HashMap<String, Sent>,
}

impl Account {
    /// The number of the next message.
    pub(super) fn next_number(&mut self) -> u64 {
        let number = self.message_number_next;
        self.message_number_next += 1;
        number
    }

    /// Takes the price of `segments`; `false` when there is too little.
    pub(super) fn charge(&mut self, segments: u16) -> bool {
        let cost = self.segment_cents * i64::from(segments);
        let covered = cost <= self.credit_cents;
        if covered {
            self.credit_cents -= cost;
        }
        covered
    }

    /// The code that messages to these digits always get.
    pub(super) fn code(&self, digits: &str) -> Option<u32> {
        self.codes.get(digits).copied()
    }

    /// Where a message is by now; `None` before its first stage.
    pub(super) fn stage(&self, sent: &Sent) -> Option<Stage> {
        let elapsed = sent.at.elapsed();
        let stages = self.stages(sent);
        stages
            .into_iter()
            .rev()
            .find(|stage| stage.after <= elapsed)
    }

    /// How a message progresses: as all do, unless its number was given another end.
    pub(super) fn stages(&self, sent: &Sent) -> Vec<Stage> {
        let mut stages = self.progress.clone();
        if let (Some(end), Some(last)) = (&sent.end, stages.last_mut()) {
            last.word.clone_from(end);
        }
        stages
    }
}

/// A message that was accepted.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) at: Instant,
    /// The recipient as reports name it.
    pub(super) to: String,
    /// Where its reports go, when its request said so.
    pub(super) callback: Option<String>,
    /// How it ends, when not as others do.
    pub(super) end: Option<String>,
}

/// A step of a message's way.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) after: Duration,
    /// The word; a reason may follow a colon.
    pub(super) word: String,
}

impl Stage {
    /// The word, and the reason for it.
    pub(super) fn parts(&self) -> (&str, Option<&str>) {
        match self.word.split_once(':') {
            Some((word, reason)) => (word, Some(reason)),
            None => (&self.word, None),
        }
    }
}

/// Where reports are pushed by default.
pub(super) struct PushTo {
    pub(super) address: SocketAddr,
    pub(super) path: String,
}

/// A report on its way: a POST over plain HTTP on this machine.
pub(super) struct Post {
    pub(super) to: SocketAddr,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}
