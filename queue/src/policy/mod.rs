//! What may be sent, when, and for how much: policies, each a provider around a provider.
//!
//! | Policy | Says | Around a provider it is |
//! | --- | --- | --- |
//! | [`Suppression`] | who gets nothing: who opted out, or can't be reached | [`Suppressed`] |
//! | [`QuietHours`] | when messages may come, by the recipient's own clock | [`Timed`] |
//! | [`SpendGuard`] | how much may be sent, to whom, in which time and for how much money | [`Capped`] |
//!
//! Put them around each other in this order, the list outermost, and all around the provider stack: then nothing is counted
//! that is not about to be sent. The reasons, the whole behaviour and what is stored are in the package's `docs/policy.md`.
//!
//! What a policy refuses is *rejected* and its job dead; what it puts off is *throttled* and its job snoozed, alone and
//! without charging an attempt. Either way the error's code says which [`Refusal`] it was.
//!
//! ```
//! use queue::Worker;
//! use queue::policy::{Amount, Cap, CapScope, Period, QuietHours, SendWindows, SpendGuard, Suppression};
//! # use queue::{Queue, SmsJob, provider::Mock};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (queue, salum) = (Queue::<SmsJob>::open("memory:").await?, Mock::new());
//! let list = Suppression::new(queue.records());
//! let night = QuietHours::new(SendWindows::quiet("21:00", "08:00")?);
//! let guard = SpendGuard::builder(queue.records())
//!     .cap(Cap::new(CapScope::Recipient, Amount::Messages(20), Period::Day))
//!     .build()?;
//! let worker = Worker::new(queue, list.around(night.around(guard.around(salum)))).spawn();
//! # worker.shutdown(std::time::Duration::from_secs(1)).await?;
//! # Ok(())
//! # }
//! ```

mod quiet;
mod refusal;
mod region_zones;
mod spend;
mod suppression;
mod unchecked;
mod variables;
mod zone;

pub use quiet::{Day, QuietHours, SendWindows, SendWindowsError, Timed};
pub use refusal::Refusal;
pub use region_zones::zones_of;
pub use spend::{
    Amount, CAP_NAME_BYTES_MAX, Cap, CapCount, CapScope, CapUsage, Capped, GUARD_NAME, Money,
    OverCap, Period, PrefixError, PriceTable, SNAPSHOT_COUNTS_MAX, SNAPSHOT_FULLEST_MAX, STOP_WAIT,
    SpendAlarm, SpendGuard, SpendGuardBuilder, SpendGuardError, SpendSnapshot, Stopped,
};
pub use suppression::{
    Added, HARD_FAILURE_KEPT, ImportError, Imported, LIFTED_KEPT, SENDER_BYTES_MAX, Sender,
    Suppress, SuppressReported, Suppressed, Suppression, SuppressionEntry, SuppressionPage,
    SuppressionReason, SuppressionScope, SuppressionSource,
};
pub use variables::{PolicyFault, PolicyVariablesError};
pub use zone::{Zone, ZoneError};
