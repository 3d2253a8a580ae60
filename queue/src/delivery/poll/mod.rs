//! Asking providers what became of messages.

mod entry;
mod handle;
mod poller;
mod schedule;
mod source;

pub use handle::{PollReport, PollerHandle};
pub use poller::{DeliveryPoller, DeliveryPollerBuilder, POLLS_IN_FLIGHT, POLLS_IN_FLIGHT_MAX};
pub use schedule::PollSchedule;
pub use source::ReportSource;

pub(super) use entry::plan_first;
