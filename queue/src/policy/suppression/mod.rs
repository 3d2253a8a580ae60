//! Suppression: who said stop, or can't be reached, gets nothing more until that is lifted.

mod entry;
mod import;
mod list;
mod provider;
mod record;
mod reports;
mod variables;

pub use entry::{
    SENDER_BYTES_MAX, Sender, Suppress, SuppressionEntry, SuppressionReason, SuppressionScope,
    SuppressionSource,
};
pub use import::{ImportError, Imported};
pub use list::{Added, LIFTED_KEPT, Suppression, SuppressionPage};
pub use provider::Suppressed;
pub use reports::{HARD_FAILURE_KEPT, SuppressReported};
