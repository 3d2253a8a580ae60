//! Pausing and resuming: the server pauses the consumers, for every program alike.

use std::sync::Arc;

use async_nats::jetstream::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::finish::finish;
use super::names::Names;
use super::refusal::{refused, unanswered};
use super::shared::Shared;
use crate::backend::BackendError;
use crate::job::Priority;

/// When a paused consumer would go on by itself: as good as never.
const PAUSE_UNTIL: &str = "9999-01-01T00:00:00Z";

/// Pauses or resumes all lanes of a queue. What has begun is finished, whoever still waits for it.
pub(super) async fn set_paused(
    shared: &Arc<Shared>,
    queue: String,
    paused: bool,
) -> Result<(), BackendError> {
    let (orphans, shared) = (shared.orphans.clone(), shared.clone());
    finish(&orphans, async move {
        set_all_paused(&shared, &queue, paused).await
    })
    .await
}

async fn set_all_paused(shared: &Shared, queue: &str, paused: bool) -> Result<(), BackendError> {
    #[derive(Deserialize)]
    struct Paused {
        #[serde(rename = "paused")]
        _paused: bool,
    }
    let queue = shared.queue(queue).await?;
    for priority in Priority::ALL {
        let consumer = Names::consumer(priority);
        let subject = format!("CONSUMER.PAUSE.{}.{consumer}", queue.names.work);
        let request = if paused {
            json!({ "pause_until": PAUSE_UNTIL })
        } else {
            json!({})
        };
        match shared.api.context.request(subject, &request).await {
            Ok(Response::Ok(Paused { .. })) => {}
            Ok(Response::Err { error }) => return Err(refused(error).into()),
            Err(error) => return Err(unanswered(error)),
        }
    }
    Ok(())
}
