//! Short words for tests that talk to a store directly.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use queue::backend::{Backend, Delivery, LeaseRequest, SqliteBackend, SqliteOptions};
use queue::clock::{Clock, SystemClock};
use queue::job::{Envelope, Kind, KindInfo, UnknownPolicy};
use queue::{JobId, Priority};

pub(crate) const QUEUE: &str = "tests";
pub(crate) const VISIBILITY: Duration = Duration::from_secs(30);
pub(crate) const KINDS: &[KindInfo] = &[KindInfo {
    name: "ping",
    version: 1,
    priority: Priority::Normal,
    max_attempts: 3,
    unknown: UnknownPolicy::Retry,
    secret: false,
}];

pub(crate) async fn open(folder: &Path) -> Arc<SqliteBackend> {
    Arc::new(
        SqliteBackend::open(SqliteOptions::in_folder(folder))
            .await
            .unwrap(),
    )
}

pub(crate) fn envelope() -> Envelope {
    let payload = br#"{"type":"ping"}"#.to_vec();
    Envelope::new(
        QUEUE,
        Kind::from_static("ping"),
        1,
        payload,
        SystemClock::default().now(),
    )
}

pub(crate) async fn put(backend: &dyn Backend) -> JobId {
    let envelope = envelope();
    let id = envelope.id;
    backend.enqueue(vec![envelope]).await.unwrap();
    id
}

pub(crate) async fn take(backend: &dyn Backend, max: usize, wait: Duration) -> Vec<Delivery> {
    let request = LeaseRequest {
        queue: QUEUE,
        kinds: KINDS,
        max,
        max_by_priority: [max; 4],
        visibility: VISIBILITY,
        wait,
        rate_limit: None,
        limits: Vec::new(),
    };
    backend.lease(request).await.unwrap()
}
