//! An embeddable, typed notification queue.

#[doc(hidden)]
pub mod __private;
pub mod backend;
pub mod clock;
mod future;
pub mod job;
pub mod notification;
pub mod producer;
pub mod provider;
pub mod retry;
#[cfg(feature = "sms")]
pub mod sms;
#[cfg(feature = "testing")]
pub mod testing;
pub mod worker;

pub use future::BoxFuture;
pub use job::{Job, JobId, Priority, State};
pub use producer::{Enqueue, EnqueueError, EnqueueReceipt, Queue};
#[cfg(feature = "sms")]
pub use sms::{OtpCode, PhoneNumber, SmsMessage, SmsText};
