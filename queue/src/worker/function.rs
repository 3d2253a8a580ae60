//! [`handler_fn`]: a closure as a handler.

use std::future::Future;

use super::handler::{Handler, JobContext};
use super::outcome::Outcome;
use crate::future::BoxFuture;
use crate::job::Job;

/// A handler from a closure that takes the job and its context by value: their clones, so that the closure's future borrows
/// nothing. Implement [`Handler`] where a clone is too dear.
///
/// ```
/// # use queue::worker::{Outcome, handler_fn};
/// # use queue::Job;
/// # fn example<J: Job + Clone>() -> impl queue::worker::Handler<J> {
/// handler_fn(|job: J, context| async move {
///     if context.attempt > 1 {
///         return Outcome::Dead { reason: "once is enough".into() };
///     }
///     drop(job);
///     Outcome::Completed(None)
/// })
/// # }
/// ```
pub fn handler_fn<J, F, R>(function: F) -> HandlerFn<F>
where
    J: Job + Clone,
    F: Fn(J, JobContext) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
{
    HandlerFn(function)
}

/// A closure as a handler. Made by [`handler_fn`].
#[derive(Clone, Copy)]
pub struct HandlerFn<F>(F);

impl<J, F, R> Handler<J> for HandlerFn<F>
where
    J: Job + Clone,
    F: Fn(J, JobContext) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome> + Send + 'static,
{
    fn handle<'a>(&'a self, job: &'a J, context: &'a JobContext) -> BoxFuture<'a, Outcome> {
        Box::pin((self.0)(job.clone(), context.clone()))
    }
}

impl<F> std::fmt::Debug for HandlerFn<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HandlerFn")
    }
}
