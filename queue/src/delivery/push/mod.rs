//! Delivery reports that providers push: axum routers to mount (feature `push`).
//!
//! | Provider | Router | What protects it |
//! | --- | --- | --- |
//! | Salum and its family | [`TokenPush::salum`] | a token in the path, and a list of addresses when asked |
//! | Africa's Talking | [`TokenPush::africas_talking`] | the same |
//! | Twilio | [`TwilioPush`] | Twilio's signature |
//!
//! The first two sign nothing, so whoever knows the address can report: serve it over TLS only, keep it out of logs, and give
//! each provider a token of its own. Reports are data that others wrote: a body of more than [`BODY_BYTES_MAX`] is refused,
//! an unknown message costs a bounded place in the store, and no report moves a message backwards, however often it is
//! replayed.
//!
//! | Answer | When |
//! | --- | --- |
//! | 200 | the report is stored, or there is nothing in it to store |
//! | 400 | it can't be read: not UTF-8, neither a form nor JSON, or without an id |
//! | 403 | the signature is missing or wrong |
//! | 404 | wrong token, or an address that is not on the list |
//! | 408, 413 | the body is too slow or too large |
//! | 503 | the store can't take it now; a provider that repeats reports does so |
//!
//! ```no_run
//! use queue::delivery::Deliveries;
//! use queue::delivery::push::{PushToken, TokenPush, TwilioPush};
//!
//! # fn example(deliveries: Deliveries) -> Result<axum::Router, Box<dyn std::error::Error>> {
//! let salum = TokenPush::salum(deliveries.clone(), PushToken::new(std::env::var("SALUM_PUSH_TOKEN")?)?);
//! let twilio = TwilioPush::new(
//!     deliveries,
//!     std::env::var("TWILIO_AUTH_TOKEN")?,
//!     "https://api.example.com/reports/twilio", // as Twilio calls it, whatever a proxy makes of it
//! )?;
//! let app = axum::Router::new()
//!     .nest("/reports/salum", salum.into_router()) // the callback URL ends in /reports/salum/TOKEN
//!     .nest("/reports/twilio", twilio.into_router());
//! # Ok(app)
//! # }
//! ```

mod allow;
mod error;
mod fields;
mod receive;
mod signature;
mod token;
mod token_push;
mod twilio;

pub use error::PushError;
pub use receive::{BODY_BYTES_MAX, BODY_TIMEOUT, STORE_TIMEOUT};
pub use token::{PushToken, TOKEN_BYTES_MAX, TOKEN_BYTES_MIN};
pub use token_push::TokenPush;
pub use twilio::TwilioPush;
