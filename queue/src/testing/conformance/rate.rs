//! The shared rate: taken before a job is leased.

use std::time::Duration;

use super::Subject;
use crate::backend::{LeaseRequest, RateLimit};

pub(super) async fn a_rate_is_shared_by_all_who_lease(subject: Subject) {
    for _ in 0..50 {
        subject.put_one().await;
    }
    let limit = RateLimit {
        count: 10,
        per: Duration::from_secs(1),
    };
    let request = LeaseRequest {
        rate_limit: Some(limit),
        ..subject.request(6)
    };
    let mut total = 0;
    for _ in 0..4 {
        total += subject
            .backend
            .lease(request.clone())
            .await
            .expect("lease works")
            .len();
    }
    assert_eq!(total, 10, "all who lease share ten");
    subject.clock.advance(Duration::from_secs(2));
    assert_eq!(
        subject
            .backend
            .lease(request)
            .await
            .expect("lease works")
            .len(),
        6
    );
    // The jobs beyond the rate were never started.
    assert_eq!(subject.stats().await.running, 16);
}
