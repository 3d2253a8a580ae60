//! Names that generated code may use. No stability promise: never name them by hand.

mod placeholders;
mod probe;
mod redacted;
mod schema;
mod template;

pub use std::string::String;
pub use std::vec::Vec;

pub use queue_templates as templates;
pub use schemars;
pub use serde;
pub use serde_json;

pub use self::placeholders::{
    AnyText, AnyValue, NoText, Present, Shown, Text, With, is_present, is_text,
};
pub use self::probe::{NotAPayload, NotAddressed, Probe, RecipientProbe};
pub use self::redacted::{NoMessage, Redacted};
pub use self::schema::TaggedSchema;
pub use self::template::StaticTemplate;
pub use crate::job::{
    Addressed, DecodeError, EncodeError, Job, Kind, KindInfo, Payload, Priority, RecipientKey,
    UnknownPolicy, Upcast, decode_tagged, encode_tagged,
};
pub use crate::producer::{Enqueue, Queue};
pub use crate::provider::{IntoMessage, Message, RenderError};
