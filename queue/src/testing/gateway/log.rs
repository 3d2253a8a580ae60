//! What the gateway saw and did, in order: the ledger that tests compare with.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

/// One request.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct GatewayRequest {
    /// Its number, from 0, in the order of arrival.
    pub number: u64,
    /// When it came, since the gateway's start.
    #[serde(rename = "at_ms", serialize_with = "millis")]
    pub at: Duration,
    /// What it asked for, such as `sendsms`.
    pub endpoint: String,
    /// The fault it met, if any.
    pub fault: Option<&'static str>,
    /// The code of a flat answer; `None` when the answer had rows, or there was none.
    pub code: Option<u32>,
    /// The messages in it that the gateway decided on.
    pub rows: Vec<GatewayRow>,
}

/// One message of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GatewayRow {
    /// The request's number.
    pub request: u64,
    /// The number, as it came.
    pub mobile: String,
    /// The text.
    pub message: String,
    /// The caller's id.
    #[serde(rename = "clientsmsid", skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What the gateway decided, in its own codes: 200 is the family's acceptance, 201 Twilio's, 100 to 102 are Africa's
    /// Talking's.
    pub code: u32,
    /// The id of a message that was accepted and sent, whatever the client got to read.
    #[serde(rename = "messageid", skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// How many segments it took.
    pub segments: u16,
    /// How long it may wait at the provider, when the request said so (Twilio's `ValidityPeriod`).
    #[serde(
        rename = "validity_ms",
        serialize_with = "maybe_millis",
        skip_serializing_if = "Option::is_none"
    )]
    pub validity: Option<Duration>,
    /// The idempotency key that the request carried, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

impl GatewayRow {
    pub(super) fn new(mobile: impl Into<String>, message: impl Into<String>, code: u32) -> Self {
        Self {
            request: 0,
            mobile: mobile.into(),
            message: message.into(),
            client_id: None,
            code,
            message_id: None,
            segments: 0,
            validity: None,
            idempotency_key: None,
        }
    }

    /// Whether it was sent.
    pub fn is_accepted(&self) -> bool {
        self.message_id.is_some()
    }
}

/// A text that was sent to one number more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Duplicate {
    /// The number.
    pub mobile: String,
    /// The text.
    pub message: String,
    /// How often it was sent, at least 2.
    pub count: usize,
}

fn millis<S: serde::Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(at.as_secs_f64() * 1000.0)
}

fn maybe_millis<S: serde::Serializer>(
    at: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => millis(at, serializer),
        None => serializer.serialize_none(),
    }
}

/// Opens a log to append to. What a gateway that died left of a line gets its end, so that the next line is whole.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .open(path)?;
    if file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

pub(super) struct Log {
    started: Instant,
    requests: Vec<GatewayRequest>,
    file: Option<File>,
}

impl Log {
    pub(super) fn new(file: Option<File>) -> Self {
        Self {
            started: Instant::now(),
            requests: Vec::new(),
            file,
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Appends a request; to the file too, as one line of JSON.
    pub(super) fn append(&mut self, mut request: GatewayRequest) {
        request.number = self.requests.len() as u64;
        for row in &mut request.rows {
            row.request = request.number;
        }
        if let Some(file) = &mut self.file
            && let Ok(mut line) = serde_json::to_vec(&request)
        {
            line.push(b'\n');
            // One write, so that readers of the file never see half a line of a gateway that lives.
            if let Err(error) = file.write_all(&line) {
                tracing::error!(%error, "the gateway's log can't be written");
            }
        }
        self.requests.push(request);
    }

    pub(super) fn requests(&self) -> Vec<GatewayRequest> {
        self.requests.clone()
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &GatewayRow> {
        self.requests.iter().flat_map(|request| &request.rows)
    }

    pub(super) fn duplicates(&self) -> Vec<Duplicate> {
        let mut counts = BTreeMap::new();
        for row in self.rows().filter(|row| row.is_accepted()) {
            *counts.entry((&row.mobile, &row.message)).or_insert(0) += 1;
        }
        counts
            .into_iter()
            .filter(|(_, count)| *count > 1)
            .map(|((mobile, message), count)| Duplicate {
                mobile: mobile.clone(),
                message: message.clone(),
                count,
            })
            .collect()
    }
}
