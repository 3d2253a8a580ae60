//! The budgets of recipients and tenants: taken before a job is leased, and nothing waits behind them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Subject;
use crate::backend::{Delivery, Disposition, KeyedLimit, LeaseRequest, LimitScope, RateLimit};
use crate::clock::Clock;
use crate::job::{Envelope, JobId, RecipientKey, State, Tenant};

fn limit(scope: LimitScope, count: u32, per: Duration) -> KeyedLimit {
    let rate = RateLimit { count, per };
    KeyedLimit { scope, rate }
}

fn of(subject: &Subject, recipient: Option<&str>, tenant: Option<&str>) -> Envelope {
    let mut envelope = subject.envelope();
    envelope.recipient = recipient.map(|address| RecipientKey::new("sms", address));
    envelope.tenant = tenant.map(|name| Tenant::new(name).expect("the promises use good names"));
    envelope
}

async fn put_many(subject: &Subject, count: usize, tenant: Option<&str>) -> Vec<JobId> {
    let batch: Vec<_> = (0..count).map(|_| of(subject, None, tenant)).collect();
    let ids = batch.iter().map(|envelope| envelope.id).collect();
    for batch in batch.chunks(subject.backend.enqueue_batch_max()) {
        let stored = subject.backend.enqueue(batch.to_vec()).await;
        stored.expect("enqueue works");
    }
    ids
}

async fn take(subject: &Subject, max: usize, limits: &[KeyedLimit]) -> Vec<Delivery> {
    let request = LeaseRequest {
        limits: limits.to_vec(),
        ..subject.request(max)
    };
    subject.take_by(request).await
}

/// Leases and completes what there is, by tenant, until `calls` in a row find nothing.
async fn take_all(
    subject: &Subject,
    max: usize,
    limits: &[KeyedLimit],
    calls: usize,
) -> BTreeMap<String, usize> {
    let mut taken = BTreeMap::new();
    let mut empty = 0;
    while empty < calls {
        let deliveries = take(subject, max, limits).await;
        empty = if deliveries.is_empty() { empty + 1 } else { 0 };
        for delivery in deliveries {
            let tenant = delivery.envelope.tenant.clone();
            *taken
                .entry(tenant.map_or_else(String::new, String::from))
                .or_default() += 1;
            subject.end(&delivery, Disposition::Complete(None)).await;
        }
    }
    taken
}

pub(super) async fn a_job_over_its_limit_is_snoozed_and_not_charged(subject: Subject) {
    let minute = subject.span(Duration::from_secs(60));
    for scope in LimitScope::ALL {
        let limits = [limit(scope, 2, minute)];
        for _ in 0..3 {
            let who = format!("one {}", scope.as_str());
            subject.put(of(&subject, Some(&who), Some(&who))).await;
        }
        let began = subject.clock.now();
        let taken = take(&subject, 10, &limits).await;
        assert_eq!(taken.len(), 2, "{scope:?}");
        subject
            .stats_become(|left| (left.snoozed, left.ready, left.running), (1, 0, 2))
            .await;
        let put_off = subject.list_in(State::Snoozed).await;
        let view = &put_off[0];
        assert_eq!((view.attempt, view.started_at), (0, None));
        let reason = view.reason.as_deref().expect("a reason");
        assert!(reason.contains(scope.as_str()), "{reason}");
        let waits = view.due_at.since(began);
        assert!(waits >= minute && waits <= 2 * minute, "{waits:?}");
        // It comes when there is room, and not before.
        subject.pass(subject.before(minute)).await;
        for delivery in taken {
            subject.end(&delivery, Disposition::Complete(None)).await;
        }
        assert!(take(&subject, 10, &limits).await.is_empty());
        subject.pass(minute).await;
        let late = take(&subject, 10, &limits).await;
        assert_eq!((late.len(), late[0].attempt), (1, 1));
        subject.end(&late[0], Disposition::Complete(None)).await;
        subject.pass(minute).await;
    }
}

pub(super) async fn nothing_waits_behind_a_limit(subject: Subject) {
    let minute = subject.span(Duration::from_secs(60));
    let limits = [limit(LimitScope::Tenant, 3, minute)];
    put_many(&subject, 40, Some("flood")).await;
    put_many(&subject, 3, Some("calm")).await;
    put_many(&subject, 5, None).await;
    // One call for all that may start: it looks past those that may not.
    let taken = take(&subject, 11, &limits).await;
    let of_tenant = |name: Option<&str>| {
        let of =
            |delivery: &&Delivery| delivery.envelope.tenant.as_ref().map(Tenant::as_str) == name;
        taken.iter().filter(of).count()
    };
    assert_eq!(of_tenant(Some("flood")), 3);
    assert_eq!(of_tenant(Some("calm")), 3);
    assert_eq!(of_tenant(None), 5, "who has no name has no limit");
}

pub(super) async fn a_flood_of_one_tenant_leaves_the_others_flowing(subject: Subject) {
    let minute = subject.span(Duration::from_secs(60));
    const FLOOD: usize = 1000;
    const MAX: usize = 5;
    let limits = [limit(LimitScope::Tenant, 10, minute)];
    put_many(&subject, FLOOD, Some("flood")).await;
    let others = put_many(&subject, 10, Some("calm")).await;
    // So many calls may be needed to get past the flood, once.
    let bound = FLOOD.div_ceil(4 * MAX + 64) + others.len() + 2;
    let mut calls = 0;
    let mut calm = 0;
    let mut flood = 0;
    let began = subject.clock.now();
    // Each length of the limit that passes meanwhile has room for ten more.
    let room =
        |began| 10 * (1 + (subject.clock.now().since(began)).div_duration_f64(minute) as usize);
    while calm < others.len() {
        calls += 1;
        assert!(calls <= bound, "{calm} of the others after {bound} calls");
        let snoozed = subject.stats().await.snoozed;
        let request = LeaseRequest {
            limits: limits.to_vec(),
            ..subject.request(MAX)
        };
        let taken = subject.backend.lease(request).await;
        for delivery in taken.expect("lease works") {
            match delivery.envelope.tenant.as_ref().map(Tenant::as_str) {
                Some("calm") => calm += 1,
                _ => flood += 1,
            }
            subject.end(&delivery, Disposition::Complete(None)).await;
        }
        let put_off = subject.stats().await.snoozed - snoozed;
        assert!(
            put_off <= 4 * MAX as u64 + 64,
            "{put_off} put off in a call"
        );
    }
    assert!(flood <= room(began), "{flood} of the flood");
    // The others don't meet it again, while it comes at its own pace.
    for round in 1..=3 {
        take_all(&subject, MAX, &limits, 3).await;
        subject.pass(2 * minute).await;
        put_many(&subject, 5, Some("calm")).await;
        let began = subject.clock.now();
        let taken = take_all(&subject, MAX, &limits, 3).await;
        assert_eq!(taken.get("calm"), Some(&5), "round {round}");
        let flood = taken.get("flood").copied().unwrap_or(0);
        assert!((1..=room(began)).contains(&flood), "{flood} of the flood");
    }
}

pub(super) async fn no_window_of_a_limit_holds_more_than_its_count(subject: Subject) {
    let per = subject.span(Duration::from_secs(10));
    let limits = [limit(LimitScope::Recipient, 4, per)];
    for _ in 0..24 {
        subject.put(of(&subject, Some("+1"), None)).await;
    }
    let mut starts = Vec::new();
    for _ in 0..120 {
        let request = LeaseRequest {
            limits: limits.to_vec(),
            ..subject.request(3)
        };
        let asked = subject.clock.now();
        let taken = subject.backend.lease(request).await.expect("lease works");
        let answered = subject.clock.now();
        for delivery in taken {
            starts.push((asked, answered));
            subject.end(&delivery, Disposition::Complete(None)).await;
        }
        if starts.len() == 24 {
            break;
        }
        subject.pass(per.mul_f64(0.13)).await;
    }
    assert_eq!(starts.len(), 24, "all of them start in the end");
    // Each was decided on somewhere between question and answer, so these are surely within one window.
    for (index, (earliest, _)) in starts.iter().enumerate() {
        let until = earliest.saturating_add(per);
        let within = (starts[index..].iter()).take_while(|(_, latest)| *latest < until);
        let within = within.count();
        assert!(within <= 4, "{within} starts within {per:?}");
    }
}

pub(super) async fn a_job_needs_room_in_all_of_its_limits(subject: Subject) {
    let minute = subject.span(Duration::from_secs(60));
    let limits = [
        limit(LimitScope::Recipient, 1, minute),
        limit(LimitScope::Tenant, 3, minute),
    ];
    for recipient in ["+1", "+1", "+2", "+3", "+4"] {
        subject
            .put(of(&subject, Some(recipient), Some("acme")))
            .await;
    }
    subject.put(of(&subject, Some("+1"), None)).await;
    subject.put(of(&subject, Some("+5"), Some("other"))).await;
    let taken = take(&subject, 10, &limits).await;
    let mut of_acme: Vec<_> = taken
        .iter()
        .filter(|delivery| delivery.envelope.tenant.as_ref().map(Tenant::as_str) == Some("acme"))
        .map(|delivery| delivery.envelope.recipient)
        .collect();
    // What the recipient's limit refused has taken nothing of the tenant's.
    assert_eq!(of_acme.len(), 3);
    of_acme.dedup();
    assert_eq!(of_acme.len(), 3, "each to another recipient");
    assert_eq!(taken.len(), 4, "the other tenant has its own");
    subject.stats_become(|stats| stats.snoozed, 3).await;
}

pub(super) async fn limits_are_shared_by_all_who_lease(subject: Subject) {
    let per = subject.span(Duration::from_secs(20));
    let limits = [limit(LimitScope::Tenant, 7, per)];
    put_many(&subject, 60, Some("acme")).await;
    let takers: Vec<_> = (0..6)
        .map(|_| {
            let request = LeaseRequest {
                limits: limits.to_vec(),
                ..subject.request(4)
            };
            let backend = subject.backend.clone();
            tokio::spawn(async move {
                let mut taken = 0;
                for _ in 0..5 {
                    let deliveries = backend.lease(request.clone()).await;
                    taken += deliveries.expect("lease works").len();
                }
                taken
            })
        })
        .collect();
    let mut taken = 0;
    for taker in takers {
        taken += taker.await.expect("no panic");
    }
    assert_eq!(taken, 7);
    // Whoever asks without the limit is not bound by it.
    subject.pass(6 * per).await;
    assert_eq!(take(&subject, 30, &[]).await.len(), 30);
}

pub(super) async fn a_put_off_job_keeps_its_deadline_and_can_be_cancelled(subject: Subject) {
    let minute = subject.span(Duration::from_secs(60));
    let limits = [limit(LimitScope::Recipient, 1, 10 * minute)];
    subject.put(of(&subject, Some("+1"), None)).await;
    let mut brief = of(&subject, Some("+1"), None);
    brief.deadline = Some(subject.clock.now().saturating_add(minute));
    let brief_id = brief.id;
    subject.put(brief).await;
    let other = of(&subject, Some("+1"), None);
    let other_id = other.id;
    subject.put(other).await;
    assert_eq!(take(&subject, 5, &limits).await.len(), 1);
    assert_eq!(subject.state(brief_id).await, State::Snoozed);
    let cancelled = subject.backend.cancel(other_id).await;
    assert_eq!(
        cancelled.expect("cancel works"),
        crate::backend::Cancelled::Cancelled
    );
    subject.pass(minute).await;
    assert!(take(&subject, 5, &limits).await.is_empty());
    let view = subject.view(brief_id).await;
    assert_eq!((view.state, view.attempt), (State::Expired, 0));
}
