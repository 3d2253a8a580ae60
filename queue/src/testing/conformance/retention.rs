//! Retention: records go, promises stay.

use std::time::Duration;

use super::Subject;
use crate::backend::{Disposition, Enqueued};

pub(super) async fn old_records_go_and_keys_stay(subject: Subject) {
    let age = subject.retention().completed_age;
    let first = subject.keyed("k", 2 * age);
    let id = first.id;
    subject.put(first).await;
    subject
        .end(&subject.take_one().await, Disposition::Complete(None))
        .await;
    subject.stats_become(|stats| stats.completed, 1).await;
    subject
        .pass(age + subject.span(Duration::from_secs(1)))
        .await;
    // The store looks after itself now and then, in real time.
    while subject.backend.job(id).await.expect("job works").is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    subject.stats_become(|stats| stats.completed, 0).await;
    assert_eq!(
        subject.put(subject.keyed("k", age)).await,
        Enqueued::Duplicate { of: id }
    );
    subject.pass(age).await;
    assert_eq!(
        subject.put(subject.keyed("k", age)).await,
        Enqueued::Accepted
    );
}
