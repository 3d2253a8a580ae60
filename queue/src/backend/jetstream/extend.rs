//! Holding on to leases: the server is told that a job is in progress, and asked to confirm it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::join_all;

use super::held::Hold;
use super::refusal::unanswered;
use super::shared::Shared;
use super::start::millis;
use crate::backend::{BackendError, Lease};

/// How long the server's confirmation may take.
const ANSWER_WAIT: Duration = Duration::from_secs(2);
/// What is over for so long is forgotten, settled or not.
const FORGET_MS: u64 = 10 * 60 * 1000;

/// Extends leases to `visibility` from now; the answers are in the order of the batch.
pub(super) async fn extend(
    shared: &Shared,
    batch: Vec<Lease>,
    visibility: Duration,
) -> Result<Vec<bool>, BackendError> {
    shared.check_open()?;
    let now = shared.clock.uptime();
    let answers = join_all(batch.into_iter().map(|lease| async move {
        // One that is over may be somebody else's by now, however the server answers.
        let Some(hold) = shared.held.live(&lease, now) else {
            return Ok(false);
        };
        keep(shared, &hold).await?;
        let until = now.saturating_add(millis(visibility));
        let kept_until = now.saturating_add(millis(hold.queue.ack_wait));
        shared.held.kept(&lease, Some(until), kept_until);
        Ok(true)
    }))
    .await;
    answers.into_iter().collect()
}

/// Tells the server that a job is in progress.
async fn keep(shared: &Shared, hold: &Hold) -> Result<(), BackendError> {
    let Some(reply) = &hold.reply else {
        return Ok(());
    };
    let request = async_nats::Request::new()
        .payload("+WPI".into())
        .timeout(Some(ANSWER_WAIT));
    let client = &shared.api.client;
    client
        .send_request(reply.clone(), request)
        .await
        .map(drop)
        .map_err(unanswered)
}

/// Keeps the messages of leases that were promised for longer than the server waits by itself, until the store is gone.
pub(super) async fn keep_all(shared: Weak<Shared>, ack_wait: Duration) {
    let period = (ack_wait / 3).max(Duration::from_millis(100));
    loop {
        tokio::time::sleep(period).await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        keep_once(&shared).await;
    }
}

async fn keep_once(shared: &Arc<Shared>) {
    let now = shared.clock.uptime();
    let outlasting = shared.held.outlasting(now, FORGET_MS);
    join_all(outlasting.into_iter().map(|(lease, hold)| async move {
        if keep(shared, &hold).await.is_ok() {
            let kept_until = now.saturating_add(millis(hold.queue.ack_wait));
            shared.held.kept(&lease, None, kept_until);
        }
    }))
    .await;
}
