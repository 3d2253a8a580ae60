//! The boxed future that the object-safe seams return.

use std::future::Future;
use std::pin::Pin;

/// A boxed, sendable future: what [`Backend`](crate::backend::Backend), [`Provider`](crate::provider::Provider)
/// and [`Handler`](crate::worker::Handler) return, so that each can be a trait object.
///
/// Write `Box::pin(async move { … })` to make one.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
