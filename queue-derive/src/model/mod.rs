//! What the derives know of their input, as our own types.

mod duration;
mod job;
mod record;
mod text;

pub(crate) use job::{Expiry, Job, Variant};
pub(crate) use record::{Namespace, Record};
pub(crate) use text::Text;
