//! What an operator can see of the library: spans and log events through `tracing`, under the names in [`names`].
//!
//! The library installs no subscriber; the host does. Nothing recorded holds a payload, a recipient or a code.

pub mod names;
