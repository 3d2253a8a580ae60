//! Leases: exclusive, bounded, fenced, recovered.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Subject;
use crate::backend::{Disposition, LeaseRequest, Settled};
use crate::job::{State, UnknownPolicy};

pub(super) async fn a_lease_is_exclusive(subject: Subject) {
    let ids: Vec<_> = {
        let batch: Vec<_> = (0..200).map(|_| subject.envelope()).collect();
        let ids = batch.iter().map(|envelope| envelope.id).collect();
        subject.backend.enqueue(batch).await.expect("enqueue works");
        ids
    };
    let takers: Vec<_> = (0..8)
        .map(|_| {
            let (backend, mut request) = (subject.backend.clone(), subject.request(7));
            // The last ones may be on their way back from another taker.
            request.wait = subject.patience() / 20;
            tokio::spawn(async move {
                let mut taken = Vec::new();
                loop {
                    let deliveries = backend.lease(request.clone()).await.expect("lease works");
                    if deliveries.is_empty() {
                        return taken;
                    }
                    taken.extend(deliveries.into_iter().map(|delivery| delivery.envelope.id));
                }
            })
        })
        .collect();
    let mut taken = Vec::new();
    for taker in takers {
        taken.extend(taker.await.expect("no panic"));
    }
    taken.sort();
    assert_eq!(taken, ids);
}

pub(super) async fn a_lease_takes_no_more_than_asked(subject: Subject) {
    for _ in 0..5 {
        subject.put_one().await;
    }
    assert_eq!(subject.take(2).await.len(), 2);
    subject
        .stats_become(|stats| (stats.ready, stats.running), (3, 2))
        .await;
}

pub(super) async fn an_expired_lease_is_recovered_and_fenced(subject: Subject) {
    subject.put_one().await;
    let late = subject.take_one().await;
    assert!(subject.take(1).await.is_empty());
    subject.lose_leases().await;
    let second = subject.take_one().await;
    assert_eq!((second.envelope.id, second.attempt), (late.envelope.id, 2));
    // The first holder comes back: it may neither end the job nor extend its hold.
    assert_eq!(
        subject.end(&late, Disposition::Complete(None)).await,
        Settled::LeaseLost
    );
    assert_eq!(
        subject
            .backend
            .extend(vec![late.lease], subject.visibility())
            .await
            .expect("extend works"),
        [false]
    );
    assert_eq!(
        subject.end(&second, Disposition::Complete(None)).await,
        Settled::Recorded
    );
}

pub(super) async fn an_extended_lease_is_kept(subject: Subject) {
    subject.put_one().await;
    let delivery = subject.take_one().await;
    for _ in 0..5 {
        subject.pass(subject.visibility() / 2).await;
        assert_eq!(
            subject
                .backend
                .extend(vec![delivery.lease], subject.visibility())
                .await
                .expect("extend works"),
            [true]
        );
        assert!(subject.take(1).await.is_empty());
    }
    assert_eq!(
        subject.end(&delivery, Disposition::Complete(None)).await,
        Settled::Recorded
    );
}

pub(super) async fn a_waiting_lease_is_woken_by_an_enqueue(subject: Subject) {
    let request = LeaseRequest {
        wait: Duration::from_secs(3600),
        ..subject.request(1)
    };
    let backend = subject.backend.clone();
    let waiter = tokio::spawn(async move { backend.lease(request).await.expect("lease works") });
    tokio::task::yield_now().await;
    let id = subject.put_one().await;
    // The clock stands still, so only the enqueue can have woken it.
    assert_eq!(waiter.await.expect("no panic")[0].envelope.id, id);
}

pub(super) async fn a_dropped_lease_call_loses_no_job(subject: Subject) {
    for _ in 0..50 {
        subject.put_one().await;
    }
    let mut seen = BTreeSet::new();
    for polls in 0..40 {
        let mut call = subject.backend.lease(subject.request(1));
        for _ in 0..polls % 4 {
            tokio::select! {
                biased;
                heard = &mut call => {
                    seen.extend(heard.expect("lease works").iter().map(|delivery| delivery.envelope.id));
                    break;
                }
                () = tokio::task::yield_now() => {}
            }
        }
    }
    // What was leased by a call that nobody heard comes back, uncharged, without any time passing.
    let request = LeaseRequest {
        wait: Duration::from_secs(3600),
        ..subject.request(50)
    };
    while seen.len() < 50 {
        for delivery in subject
            .backend
            .lease(request.clone())
            .await
            .expect("lease works")
        {
            assert!(seen.insert(delivery.envelope.id), "no job is leased twice");
            assert_eq!(delivery.attempt, 1);
        }
    }
}

pub(super) async fn what_dropped_lease_calls_took_is_back_after_two_empty_settlements(
    subject: Subject,
) {
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(subject.put_one().await);
    }
    // Dropped at any step of the way.
    for steps in 0..60 {
        let mut call = subject.backend.lease(subject.request(5));
        for _ in 0..steps {
            tokio::select! {
                biased;
                taken = &mut call => {
                    for delivery in taken.expect("lease works") {
                        subject.end(&delivery, Disposition::Release).await;
                    }
                    call = subject.backend.lease(subject.request(5));
                }
                () = tokio::time::sleep(Duration::from_micros(100)) => {}
            }
        }
        drop(call);
        for _ in 0..2 {
            let settled = subject.backend.settle(Vec::new()).await;
            assert_eq!(settled.expect("settle works"), []);
        }
        for &id in &ids {
            let job = subject.view(id).await;
            assert_eq!(
                (job.state, job.attempt),
                (State::Ready, 0),
                "after {steps} steps"
            );
        }
    }
}

pub(super) async fn a_job_that_kills_its_workers_ends_dead(subject: Subject) {
    let mut envelope = subject.envelope();
    envelope.max_attempts = 2;
    let id = envelope.id;
    subject.put(envelope).await;
    for attempt in 1..=2 {
        assert_eq!(subject.take_one().await.attempt, attempt);
        subject.lose_leases().await;
    }
    let view = subject.view(id).await;
    assert_eq!((view.state, view.attempt), (State::Dead, 2));
    assert!(view.reason.expect("a reason").contains("attempt 2 of 2"));
}

pub(super) async fn a_job_to_ask_about_that_kills_its_workers_ends_unknown(subject: Subject) {
    let mut envelope = subject.envelope();
    envelope.unknown = UnknownPolicy::Ask;
    envelope.max_attempts = 2;
    let id = envelope.id;
    subject.put(envelope).await;
    for attempt in 1..=2 {
        assert_eq!(subject.take_one().await.attempt, attempt);
        subject.lose_leases().await;
    }
    let view = subject.view(id).await;
    assert_eq!((view.state, view.attempt), (State::Unknown, 2));
    assert!(view.reason.expect("a reason").contains("attempt 2 of 2"));
}

pub(super) async fn a_lost_at_most_once_job_ends_unknown(subject: Subject) {
    let mut envelope = subject.envelope();
    envelope.unknown = UnknownPolicy::Stop;
    let id = envelope.id;
    subject.put(envelope).await;
    subject.take_one().await;
    subject.pass(subject.visibility()).await;
    assert!(subject.take(1).await.is_empty());
    assert_eq!(subject.state(id).await, State::Unknown);
}
