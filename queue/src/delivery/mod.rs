//! What became of messages after their providers took them.
//!
//! A completed job says that a provider *accepted* its message. Whether it arrived, the provider reports later: it is asked
//! ([`DeliveryPoller`]), or it calls back (`push`, feature `push`). [`Deliveries`] ties those reports to jobs and attempts,
//! keeps them in the queue's own store, and answers and tells about them. A [`Tracked`] provider records what was sent.
//!
//! ```
//! use queue::delivery::{Deliveries, DeliveryReport, DeliveryStatus, Tracked};
//! use queue::provider::Mock;
//! use queue::{Queue, SmsJob, WelcomeSms, Worker, create_welcome_sms_job};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let queue = Queue::<SmsJob>::open("memory:").await?;
//! let deliveries = Deliveries::of(&queue).build();
//! let recipient = "0712 345 678".parse()?;
//! let job = create_welcome_sms_job(&queue, WelcomeSms { recipient, user_name: "Wanjiru".into() }).await?;
//! Worker::new(queue, Tracked::new(Mock::new(), deliveries.clone())).run_until_empty().await?;
//!
//! let known = deliveries.job(job.job_id).await?.ok_or("it was sent")?;
//! assert_eq!(known.status(), DeliveryStatus::Accepted);
//!
//! // What a poller or a push handler does with a report.
//! let id = known.messages[0].message_id.clone().ok_or("Mock gives ids")?;
//! deliveries.apply(DeliveryReport::new("mock", id, DeliveryStatus::Delivered)).await?;
//! let known = deliveries.job(job.job_id).await?.ok_or("it was sent")?;
//! assert_eq!(known.status(), DeliveryStatus::Delivered);
//! # Ok(())
//! # }
//! ```

mod builder;
mod callback;
mod early;
mod event;
mod failure;
mod key;
mod observer;
mod poll;
#[cfg(feature = "push")]
pub mod push;
mod report;
mod status;
mod stored;
mod tracked;
mod tracker;
mod view;

pub use builder::{
    DeliveriesBuilder, EARLY_AGE, EARLY_REPORTS_MAX, RETENTION_DEFAULT, RETENTION_MIN,
};
pub use callback::callback_url;
pub use event::{DeliveryEvent, DeliveryStream};
pub use failure::DeliveryFailure;
pub use observer::DeliveryObserver;
pub use poll::{
    DeliveryPoller, DeliveryPollerBuilder, POLLS_IN_FLIGHT, POLLS_IN_FLIGHT_MAX, PollReport,
    PollSchedule, PollerHandle, ReportSource,
};
pub use report::{AFRICAS_TALKING, DeliveryReport, SALUM, TWILIO};
pub use status::DeliveryStatus;
pub use tracked::Tracked;
pub use tracker::{Applied, Deliveries};
pub use view::{JobDelivery, MessageDelivery};
