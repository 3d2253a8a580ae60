//! [`Notifier`]: the shipped handler. Render, then send.

use crate::clock::Timestamp;
use crate::future::BoxFuture;
use crate::job::{Job, Priority};
use crate::provider::{Capacity, Provider};
use crate::worker::{Handler, JobContext, Outcome};

/// Renders a job and hands the message to a provider.
///
/// The exhaustive match from variant to render function is the job enum's own: [`Job::render`].
#[derive(Clone, Debug)]
pub struct Notifier<P> {
    provider: P,
}

impl<P> Notifier<P> {
    /// Sends through `provider`.
    pub fn new(provider: P) -> Self {
        Self { provider }
    }
}

impl<J: Job, P: Provider<J::Message>> Handler<J> for Notifier<P> {
    fn handle<'a>(&'a self, job: &'a J, context: &'a JobContext) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let message = match job.render() {
                Ok(message) => message,
                Err(error) => return Outcome::from(error),
            };
            Outcome::from(self.provider.send(&message, &context.send_context()).await)
        })
    }

    fn capacity(&self, priority: Priority, now: Timestamp) -> Capacity {
        self.provider.capacity(priority, now)
    }
}
