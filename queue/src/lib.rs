//! An embeddable, typed notification queue.

// The derives name this crate `::queue`, here as everywhere.
#[allow(
    unused_extern_crates,
    reason = "used only where a derive is used in this crate"
)]
extern crate self as queue;

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
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod worker;

pub use future::BoxFuture;
pub use job::{Job, JobId, Priority, State};
#[cfg(feature = "sms")]
pub use notification::{
    NotificationSms, OtpSms, SmsJob, WelcomeSms, create_notification_sms_job, create_otp_sms_job,
    create_welcome_sms_job,
};
pub use producer::{Enqueue, EnqueueError, EnqueueReceipt, Queue};
pub use queue_derive::{Job, Payload, Template};
#[cfg(feature = "sms")]
pub use sms::{OtpCode, PhoneNumber, SmsMessage, SmsText};
pub use worker::{Worker, WorkerHandle};

/// The README's example, run as a test. It is outside the package, so only a test may look at it.
#[cfg(all(doctest, feature = "testing"))]
#[doc = include_str!("../../README.md")]
struct Readme;
