//! Names that generated code may use. No stability promise: never name them by hand.

pub use queue_templates as templates;
pub use schemars;
pub use serde;
pub use serde_json;

pub use crate::job::{
    Addressed, DecodeError, EncodeError, Job, Kind, KindInfo, Payload, Priority, UnknownPolicy,
    Upcast, decode_tagged, encode_tagged,
};
pub use crate::producer::{Enqueue, Queue};
pub use crate::provider::{IntoMessage, RenderError};
