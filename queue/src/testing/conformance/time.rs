//! Due times, and clocks that jump.

use std::time::Duration;

use super::Subject;
use crate::backend::{Disposition, LeaseRequest, Settled};
use crate::clock::Clock;
use crate::job::State;

pub(super) async fn a_scheduled_job_waits_for_its_time(subject: Subject) {
    let mut envelope = subject.envelope();
    let later = subject.span(Duration::from_secs(60));
    envelope.due_at = envelope.due_at.saturating_add(later);
    let id = envelope.id;
    subject.put(envelope).await;
    assert_eq!(subject.state(id).await, State::Scheduled);
    let before = subject.before(later);
    subject.pass(before).await;
    assert!(subject.take(1).await.is_empty());
    subject.pass(later - before).await;
    assert_eq!(subject.take_one().await.envelope.id, id);
}

pub(super) async fn a_waiting_lease_wakes_at_the_due_time(subject: Subject) {
    let mut envelope = subject.envelope();
    envelope.due_at = envelope.due_at.saturating_add(Duration::from_millis(700));
    let id = envelope.id;
    subject.put(envelope).await;
    let request = LeaseRequest {
        wait: Duration::from_secs(3600),
        ..subject.request(1)
    };
    let backend = subject.backend.clone();
    let waiter = tokio::spawn(async move { backend.lease(request).await.expect("lease works") });
    let began = subject.clock.now();
    while !waiter.is_finished() {
        assert!(subject.clock.now().since(began) <= subject.visibility());
        subject.tick(Duration::from_millis(100)).await;
    }
    assert_eq!(waiter.await.expect("no panic")[0].envelope.id, id);
}

pub(super) async fn a_step_of_the_wall_clock_takes_no_lease_away(subject: Subject) {
    subject.put_one().await;
    let delivery = subject.take_one().await;
    subject.step(Duration::from_secs(600));
    assert!(subject.take(1).await.is_empty());
    assert_eq!(
        subject.end(&delivery, Disposition::Complete(None)).await,
        Settled::Recorded
    );
}
