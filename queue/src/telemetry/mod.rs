//! What an operator can see of the library: spans and log events through `tracing`, metrics through `metrics`, under the
//! names in [`names`].
//!
//! The library installs no subscriber and no recorder; the host does, and without one nothing is kept. Nothing recorded
//! holds a payload, a recipient or a code. No tenant is a label: there may be any number of them.

pub(crate) mod metrics;
pub mod names;
