//! [`Outgoing`]: a message to be stored, which may have to be sent more than once.

use std::time::Duration;

use async_nats::{HeaderMap, HeaderName, Subject, header};
use bytes::Bytes;

/// Names the subject that [`Outgoing::expect`] is about, when it is not the message's own (nats-server 2.12, ADR-50).
const EXPECTED_LAST_SUBJECT_SEQUENCE_SUBJECT: HeaderName =
    HeaderName::from_static("Nats-Expected-Last-Subject-Sequence-Subject");

/// A message to be stored.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) subject: Subject,
    pub(super) payload: Bytes,
    /// A list, because the client takes a map of its own for each time the message is sent.
    headers: Vec<(HeaderName, String)>,
    /// A name may be in the list more than once.
    is_foreign: bool,
}

impl Outgoing {
    pub(super) fn new(subject: impl Into<Subject>, payload: impl Into<Bytes>) -> Self {
        Self {
            subject: subject.into(),
            payload: payload.into(),
            headers: Vec::with_capacity(4),
            is_foreign: false,
        }
    }

    /// Sets a header.
    pub(super) fn with(
        mut self,
        name: impl header::IntoHeaderName,
        value: impl Into<String>,
    ) -> Self {
        let (name, value) = (name.into_header_name(), value.into());
        match self.headers.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.headers.push((name, value)),
        }
        self
    }

    /// Stored once within the stream's duplicate window, however often it is sent.
    pub(super) fn id(self, id: impl Into<String>) -> Self {
        self.with(header::NATS_MESSAGE_ID, id)
    }

    /// Only if the last message of the subject is this one; 0 when there must be none.
    pub(super) fn expect(self, sequence: u64) -> Self {
        self.with(
            header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
            sequence.to_string(),
        )
    }

    /// Only if the last message of another subject of the stream is this one.
    pub(super) fn expect_of(self, subject: &str, sequence: u64) -> Self {
        self.expect(sequence)
            .with(EXPECTED_LAST_SUBJECT_SEQUENCE_SUBJECT, subject)
    }

    /// Deleted after `age`; the server counts whole seconds, from one.
    pub(super) fn ttl(self, age: Duration) -> Self {
        let seconds = age.as_millis().div_ceil(1000).max(1);
        self.with(header::NATS_MESSAGE_TTL, seconds.to_string())
    }

    /// Kept whatever the stream's own age.
    pub(super) fn kept(self) -> Self {
        self.with(header::NATS_MESSAGE_TTL, "never")
    }

    /// Adds headers of somebody else's message.
    pub(super) fn with_all(
        mut self,
        headers: &HeaderMap,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Self {
        for (name, values) in headers.iter().filter(|(name, _)| is_wanted(name.as_ref())) {
            let values = values
                .iter()
                .map(|value| (name.clone(), value.as_str().to_owned()));
            self.headers.extend(values);
        }
        self.is_foreign = true;
        self
    }

    /// What its header says.
    #[cfg(test)]
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| {
            let known: &str = known.as_ref();
            known == name
        });
        header.map(|(_, value)| value.as_str())
    }

    /// Its headers and its payload as the client takes them.
    pub(super) fn into_parts(self) -> (HeaderMap, Bytes) {
        let map = header_map(self.headers.into_iter(), self.is_foreign);
        (map, self.payload)
    }

    /// Its headers as the client takes them.
    pub(super) fn header_map(&self) -> HeaderMap {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.clone(), value.as_str()));
        header_map(headers, self.is_foreign)
    }
}

fn header_map<V: header::IntoHeaderValue>(
    headers: impl Iterator<Item = (HeaderName, V)>,
    may_repeat: bool,
) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        // To look whether a name is there costs as much as to set it.
        match may_repeat {
            true => map.append(name, value),
            false => map.insert(name, value),
        }
    }
    map
}
