//! Priorities: shares, caps, and the urgent first.

use super::Subject;
use crate::backend::LeaseRequest;
use crate::job::Priority;

async fn put(subject: &Subject, priority: Priority, count: usize) {
    let batch = (0..count)
        .map(|_| {
            let mut envelope = subject.envelope();
            envelope.priority = priority;
            envelope
        })
        .collect();
    subject.backend.enqueue(batch).await.expect("enqueue works");
}

pub(super) async fn lanes_share_and_caps_hold(subject: Subject) {
    for priority in Priority::ALL {
        put(&subject, priority, 100).await;
    }
    let mut counts = [0; 4];
    for _ in 0..30 {
        for delivery in subject.take(5).await {
            counts[delivery.envelope.priority.index()] += 1;
        }
    }
    assert!(
        counts.windows(2).all(|pair| pair[0] > pair[1]) && counts[3] > 0,
        "{counts:?}"
    );
    let capped = LeaseRequest {
        max_by_priority: [0, 0, 3, 1],
        ..subject.request(10)
    };
    let mut counts = [0; 4];
    for delivery in subject.backend.lease(capped).await.expect("lease works") {
        counts[delivery.envelope.priority.index()] += 1;
    }
    assert_eq!(counts, [0, 0, 3, 1]);
}

pub(super) async fn an_urgent_job_passes_a_backlog(subject: Subject) {
    put(&subject, Priority::Low, 500).await;
    for _ in 0..100 {
        assert_eq!(subject.take_one().await.envelope.priority, Priority::Low);
    }
    put(&subject, Priority::High, 1).await;
    subject.come_to_rest().await;
    assert_eq!(subject.take_one().await.envelope.priority, Priority::High);
}
