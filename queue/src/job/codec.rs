//! The envelope as JSON and back, with a format version. Decoding never looks into the payload.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::envelope::{Envelope, Idempotency, TraceContext, lenient_trace};
use super::id::JobId;
use super::kind::{Kind, UnknownPolicy};
use super::limits::{Metadata, Tenant};
use super::priority::Priority;
use super::recipient::RecipientKey;
use crate::clock::Timestamp;

/// The newest version of the envelope's own shape that this library reads and writes.
///
/// Version 2 knows the unknown policy `ask`. An envelope that does not use it is written as version 1, which older
/// libraries read.
pub const ENVELOPE_VERSION: u16 = 2;

/// The envelope as it is written: `v` first, the payload last, absent parts left out.
#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    v: u16,
    id: JobId,
    queue: Cow<'a, str>,
    kind: Cow<'a, Kind>,
    version: u16,
    #[serde(default)]
    priority: Priority,
    created_at: Timestamp,
    due_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline: Option<Timestamp>,
    max_attempts: u16,
    #[serde(default)]
    unknown: UnknownPolicy,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    secret: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idempotency: Option<Cow<'a, Idempotency>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<Cow<'a, Tenant>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipient: Option<RecipientKey>,
    #[serde(
        default,
        deserialize_with = "lenient_trace",
        skip_serializing_if = "Option::is_none"
    )]
    trace: Option<TraceContext>,
    #[serde(default, skip_serializing_if = "has_none")]
    metadata: Cow<'a, Metadata>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// Only the version, by which a newer envelope is known however it looks.
#[derive(Deserialize)]
struct Version {
    v: u16,
}

impl Envelope {
    /// The envelope as JSON.
    ///
    /// # Errors
    /// [`CodecError::Malformed`] when the payload is not JSON.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let wire = Wire {
            v: lowest_version(self.unknown),
            id: self.id,
            queue: Cow::Borrowed(&self.queue),
            kind: Cow::Borrowed(&self.kind),
            version: self.version,
            priority: self.priority,
            created_at: self.created_at,
            due_at: self.due_at,
            deadline: self.deadline,
            max_attempts: self.max_attempts,
            unknown: self.unknown,
            secret: self.secret,
            idempotency: self.idempotency.as_ref().map(Cow::Borrowed),
            tenant: self.tenant.as_ref().map(Cow::Borrowed),
            recipient: self.recipient,
            trace: self.trace.clone(),
            metadata: Cow::Borrowed(&self.metadata),
            payload: serde_json::from_slice(&self.payload)
                .map_err(|error| CodecError::malformed(&error))?,
        };
        // What is beside the payload is mostly smaller.
        let mut bytes = Vec::with_capacity(self.payload.len() + 512);
        serde_json::to_writer(&mut bytes, &wire).map_err(|error| CodecError::malformed(&error))?;
        Ok(bytes)
    }

    /// The envelope in `bytes`; its payload is kept as it stands, whatever its kind.
    ///
    /// # Errors
    /// [`CodecError::Newer`] when a newer version of the library wrote it, [`CodecError::Malformed`] when it is not an
    /// envelope at all.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let newer = |found| CodecError::Newer {
            found,
            known: ENVELOPE_VERSION,
        };
        let wire: Wire<'_> = match serde_json::from_slice(bytes) {
            Ok(Wire { v, .. }) if v > ENVELOPE_VERSION => return Err(newer(v)),
            Ok(wire) => wire,
            // A newer one may have another shape.
            Err(error) => {
                return Err(match serde_json::from_slice(bytes) {
                    Ok(Version { v }) if v > ENVELOPE_VERSION => newer(v),
                    Ok(_) | Err(_) => CodecError::malformed(&error),
                });
            }
        };
        Ok(Self {
            id: wire.id,
            queue: wire.queue.into_owned(),
            kind: wire.kind.into_owned(),
            version: wire.version,
            payload: wire.payload.get().as_bytes().to_vec(),
            priority: wire.priority,
            created_at: wire.created_at,
            due_at: wire.due_at,
            deadline: wire.deadline,
            max_attempts: wire.max_attempts,
            unknown: wire.unknown,
            secret: wire.secret,
            idempotency: wire.idempotency.map(Cow::into_owned),
            tenant: wire.tenant.map(Cow::into_owned),
            recipient: wire.recipient,
            trace: wire.trace,
            metadata: wire.metadata.into_owned(),
        })
    }
}

fn has_none(metadata: &Metadata) -> bool {
    metadata.is_empty()
}

/// The lowest version that can say this.
fn lowest_version(unknown: UnknownPolicy) -> u16 {
    match unknown {
        UnknownPolicy::Retry | UnknownPolicy::Stop => 1,
        UnknownPolicy::Ask => 2,
    }
}

/// Bytes that are not an envelope this library can read. Never shows what the bytes were.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// A newer version of the library wrote it: update this program.
    #[error(
        "envelope version {found} is newer than {known}, the newest this program knows: update it"
    )]
    Newer {
        /// The version found.
        found: u16,
        /// The newest version this library reads.
        known: u16,
    },
    /// The bytes are not an envelope.
    #[error("malformed envelope at line {line}, column {column}")]
    Malformed {
        /// Line of the first fault, from 1.
        line: usize,
        /// Column of the first fault.
        column: usize,
    },
}

impl CodecError {
    fn malformed(error: &serde_json::Error) -> Self {
        Self::Malformed {
            line: error.line(),
            column: error.column(),
        }
    }
}
