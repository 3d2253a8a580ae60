//! The anchor: the first message of a work stream, which stays there for ever and which nobody takes.
//!
//! When a consumer's next message may be the stream's first, the server counts what waits for that consumer by walking the
//! subjects of all of it, for each pull (`fileStore.LoadNextMsg` of nats-server 2.12 to 2.15). A worker that settles what it took
//! before it takes more is always in that case: at a backlog of a million jobs it drained 5,100 of them in a second instead
//! of 12,000. With the anchor in the first place no consumer's next message is.

use super::connection::Connection;
use super::names::Names;
use super::options::Provisioning;
use super::outgoing::Outgoing;
use super::refusal::Refusal;

/// How many of a work stream's messages are not its anchor. Where there is none yet it says one less than there are, so a bound
/// may be passed by one.
pub(super) fn others(messages: u64) -> u64 {
    messages.saturating_sub(1)
}

/// Stores the anchor where there is none. Without it everything works, only slower, so a failure is no error.
pub(super) async fn lay(connection: &Connection, names: &Names) {
    let options = &connection.options;
    if options.provisioning == Provisioning::Verify {
        // This program may not be allowed to.
        return;
    }
    let subject = names.anchor();
    let laid = match connection.api.last(&names.work, &subject).await {
        Ok(Some(_)) => return,
        Ok(None) => {
            connection
                .api
                .publish(Outgoing::new(subject, "").kept().expect(0))
                .await
        }
        Err(error) => Err(Refusal::Store(error)),
    };
    match laid {
        // Another process was first.
        Ok(_) | Err(Refusal::Conflict) => {}
        Err(refusal) => tracing::warn!(
            { crate::telemetry::names::QUEUE } = names.queue,
            error = %crate::backend::BackendError::from(refusal),
            "the stream has no anchor: a deep queue will be drained slower than it could be"
        ),
    }
}
