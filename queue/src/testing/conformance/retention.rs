//! Retention: records go, promises stay.

use std::time::Duration;

use super::Subject;
use crate::backend::{Disposition, Enqueued, Retention};

pub(super) async fn old_records_go_and_keys_stay(subject: Subject) {
    let age = Retention::default().completed_age;
    let first = subject.keyed("k", 2 * age);
    let id = first.id;
    subject.put(first).await;
    subject
        .end(&subject.take_one().await, Disposition::Complete(None))
        .await;
    assert_eq!(subject.stats().await.completed, 1);
    subject.clock.advance(age + Duration::from_secs(1));
    // The store looks after itself now and then, in real time.
    while subject.backend.job(id).await.expect("job works").is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(subject.stats().await.completed, 0);
    assert_eq!(
        subject.put(subject.keyed("k", age)).await,
        Enqueued::Duplicate { of: id }
    );
    subject.clock.advance(age);
    assert_eq!(
        subject.put(subject.keyed("k", age)).await,
        Enqueued::Accepted
    );
}
