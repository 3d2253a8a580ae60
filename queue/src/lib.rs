//! Sends notifications from inside your program: one enum of jobs in, delivered SMS out.
//!
//! A job is a variant of an enum, and each variant has a function that stores it. When that function returns, the job
//! survives power loss. A worker in the same process, or in another one, renders the job and sends it, tries again where
//! that is safe, and says so where nobody can know whether it was sent. No server is needed: the store is a SQLite file.
//!
//! ```
//! use std::time::Duration;
//!
//! use queue::provider::Mock;
//! use queue::{OtpCode, OtpSms, Queue, SmsJob, Worker, create_otp_sms_job};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let queue = Queue::<SmsJob>::open("memory:").await?; // "file:./queue-data" keeps jobs
//!     let worker = Worker::new(queue.clone(), Mock::new()).spawn(); // provider_from_env()? sends
//!
//!     let otp = OtpSms {
//!         recipient: "0712 345 678".parse()?,
//!         code: OtpCode::new("493817")?,
//!         expiry_minutes: 10, // never sent later
//!     };
//!     let receipt = create_otp_sms_job(&queue, otp).job_id("otp:42").await?; // stored when it returns
//!     println!("job {}", receipt.job_id);
//!
//!     worker.shutdown(Duration::from_secs(20)).await?;
//!     Ok(())
//! }
//! ```
//!
//! # Where to go
//!
//! | To | Read |
//! | --- | --- |
//! | store jobs, ask about them, cancel them | [`Queue`], [`Enqueue`] |
//! | run them | [`Worker`], [`WorkerBuilder`](worker::WorkerBuilder), [`Handler`](worker::Handler) |
//! | write an enum of your own | the derives [`Job`](derive@Job), [`Template`] and [`Payload`](derive@Payload) |
//! | send through another provider | [`Provider`](provider::Provider) |
//! | send through several, with limits and circuit breakers | [`ProviderStack`](provider::stack::ProviderStack) |
//! | learn whether messages arrived | [`Deliveries`](delivery::Deliveries), [`Tracked`](delivery::Tracked), [`DeliveryPoller`](delivery::DeliveryPoller), `delivery::push` |
//! | say who may be sent what, when and for how much | `policy` (feature `policy`) |
//! | test an application | `testing` (feature `testing`) |
//! | keep jobs elsewhere | [`Backend`](backend::Backend) |
//!
//! In the package's `docs` folder: `guarantees.md` says what is promised and where it ends, `job_states.md` what becomes of
//! a job, `delivery.md` who is asked when and what every fault comes to, `delivery_reports.md` how
//! reports are tied to jobs, `providers.md` what each provider's answers mean,
//! `policy.md` what policies decide, `nats.md` how to run a queue on NATS, `storage_format.md` and `wire_format.md` what is
//! stored, and `architecture.md` how the code is laid out.
//!
//! # Features
//!
//! | Feature | Brings | Default |
//! | --- | --- | --- |
//! | `sqlite` | the stores `file:` and `memory:` | yes |
//! | `nats` | the distributed store, NATS JetStream: `nats://` and `tls://` | no |
//! | `sms` | the SMS channel: phone numbers, texts, the shipped `SmsJob` | yes |
//! | `salum` | the provider for gateways of the Salum family; turns on `sms` and `http` | yes |
//! | `twilio` | the provider for Twilio's Messages; turns on `sms` and `http` | no |
//! | `africas-talking` | the provider for Africa's Talking's bulk SMS; turns on `sms` and `http` | no |
//! | `http` | the HTTP client that providers share | by `salum` |
//! | `tls-aws-lc`, `tls-ring` | what encrypts it | `tls-aws-lc` |
//! | `push` | axum routers for delivery reports that providers push | no |
//! | `policy` | suppression, spend guard, quiet hours | no |
//! | `testing` | the test kit, with stand-ins for all providers | no |
//!
//! The HTTP client is reqwest with its feature `rustls-no-provider`, and features unify over a build. An application that uses
//! the same reqwest with no TLS feature of its own turns on reqwest's `rustls`, or installs a crypto provider before it makes
//! its first client; otherwise reqwest panics there.

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
pub mod delivery;
mod future;
pub mod job;
pub mod notification;
#[cfg(feature = "policy")]
pub mod policy;
pub mod producer;
pub mod provider;
pub mod retry;
#[cfg(feature = "sms")]
pub mod sms;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(any(feature = "http", feature = "nats"))]
mod tls;
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
