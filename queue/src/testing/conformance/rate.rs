//! The shared rate: taken before a job is leased.

use std::time::Duration;

use super::Subject;
use crate::backend::{LeaseRequest, RateLimit};

pub(super) async fn a_rate_is_shared_by_all_who_lease(subject: Subject) {
    for _ in 0..50 {
        subject.put_one().await;
    }
    let per = Duration::from_secs(1);
    let limit = RateLimit { count: 10, per };
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
    subject.pass(per + per / 10).await;
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
    subject.stats_become(|stats| stats.running, 16).await;
}

pub(super) async fn rates_of_different_lengths_leave_each_other_alone(subject: Subject) {
    for _ in 0..50 {
        subject.put_one().await;
    }
    let request = |count, per| LeaseRequest {
        rate_limit: Some(RateLimit { count, per }),
        ..subject.request(4)
    };
    let per = Duration::from_secs(1);
    let brief = request(5, per);
    let long = request(6, Duration::from_secs(60));
    let mut taken = [0, 0];
    for _ in 0..4 {
        for (request, taken) in [&brief, &long].into_iter().zip(&mut taken) {
            let deliveries = subject.backend.lease(request.clone()).await;
            *taken += deliveries.expect("lease works").len();
        }
    }
    assert_eq!(taken, [5, 6], "neither forgot its starts for the other");
    subject.pass(per + per / 10).await;
    let again = subject.backend.lease(brief).await.expect("lease works");
    let still = subject.backend.lease(long).await.expect("lease works");
    assert_eq!((again.len(), still.len()), (4, 0));
}
