//! What a job is: plain data, no I/O.

mod codec;
mod doubt;
mod envelope;
mod id;
mod kind;
mod limits;
mod payload;
mod priority;
mod recipient;
mod state;

pub use codec::{CodecError, ENVELOPE_VERSION};
pub use doubt::Doubt;
pub use envelope::{Envelope, Idempotency, TraceContext};
pub use id::{JobId, ParseJobIdError};
pub use kind::{Kind, KindInfo, UnknownPolicy};
pub use limits::{
    DEDUPLICATION_WINDOW, IDEMPOTENCY_KEY_BYTES_MAX, IdempotencyKey, LimitError,
    METADATA_BYTES_MAX, METADATA_ENTRIES_MAX, Metadata, PAYLOAD_BYTES_MAX, REASON_BYTES_MAX,
    TENANT_BYTES_MAX, Tenant,
};
pub(crate) use limits::{check_text, clip_reason};
pub use payload::{
    Addressed, DecodeError, EncodeError, Payload, Upcast, UpcastError, decode_tagged, encode_tagged,
};
pub use priority::{ParsePriorityError, Priority};
pub use recipient::{Address, ParseRecipientKeyError, RecipientKey};
pub use state::{ParseStateError, State};

use std::time::Duration;

use crate::provider::{Message, RenderError};

/// An enum of jobs: each variant is a kind of job, and carries its payload.
///
/// Derive it: `#[derive(Job)]`. The derive writes a creator for each variant, the stable names, the codec and the
/// exhaustive match to the render functions; see its own page for the attributes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an enum of jobs",
    note = "derive it: `#[derive(queue::Job)]` with `#[job(queue = \"…\", message = …)]`"
)]
pub trait Job: Send + Sync + Sized + 'static {
    /// What a job renders to, and a provider sends.
    type Message: Message;

    /// The queue's name, such as `sms`.
    const QUEUE: &'static str;

    /// One entry for each variant, in the order of declaration.
    const KINDS: &'static [KindInfo];

    /// What is declared of this job's variant.
    fn kind(&self) -> &'static KindInfo;

    /// How long after its enqueue the job may still be sent; `None` for ever.
    fn expires_after(&self) -> Option<Duration>;

    /// To whom it goes, for the limits of recipients; `None` when the payload does not say it, or not as an [`Address`].
    fn recipient(&self) -> Option<RecipientKey> {
        None
    }

    /// The message. A pure function: the same job renders the same message anywhere.
    ///
    /// # Errors
    /// [`RenderError`] when the payload can't become a message; no retry would help.
    fn render(&self) -> Result<Self::Message, RenderError>;

    /// The payload as JSON, tagged by `type`.
    ///
    /// # Errors
    /// [`EncodeError`] when the payload does not serialize to an object.
    fn encode(&self) -> Result<Vec<u8>, EncodeError>;

    /// The job of this kind and version in `payload`.
    ///
    /// # Errors
    /// [`DecodeError`] when the kind is unknown, the version newer, or the payload malformed.
    fn decode(kind: &str, version: u16, payload: &[u8]) -> Result<Self, DecodeError>;

    /// The JSON Schema of the payloads: one object for each kind, tagged by `type`.
    fn schema() -> schemars::Schema;
}
