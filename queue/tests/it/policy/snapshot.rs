//! What a dashboard sees of a guard: how much of each cap is used, and when it begins again.

use std::time::Duration;

use queue::backend::BackendErrorKind;
use queue::clock::ManualClock;
use queue::job::Tenant;
use queue::policy::{
    Amount, Cap, CapScope, CapUsage, Money, Period, PriceTable, SNAPSHOT_FULLEST_MAX, SpendGuard,
};
use queue::provider::{Mock, MockAnswer, Provider};
use queue::testing::fault::{FaultyBackend, StoreCall, StoreFault};

use super::support::*;

const HOUR: Duration = Duration::from_secs(3600);

crate::store::on_each_store! {
    "current_thread": every_cap_is_shown_with_what_is_left,
        a_new_period_begins_at_nothing,
        what_was_taken_back_is_not_shown,
        a_crowd_of_recipients_is_counted_and_not_named
}

mod shared {
    use super::*;
    crate::store::on_each_shared_store! {
        "current_thread": all_processes_are_in_it
    }
}

fn used(usage: &CapUsage) -> (Amount, Amount) {
    (usage.used, usage.left)
}

async fn every_cap_is_shown_with_what_is_left(store: Store) {
    let cost = Amount::Cost(Money::minor(1_000));
    let guard = guard_builder(&store)
        .every_country()
        .cap(Cap::new(CapScope::All, Amount::Messages(10), Period::Day).named("daily"))
        .cap(Cap::new(
            CapScope::Recipient,
            Amount::Messages(2),
            Period::Every(HOUR),
        ))
        .cap(Cap::new(CapScope::Tenant, Amount::Segments(5), Period::Day))
        .cap(Cap::new(CapScope::All, cost, Period::Month))
        .cap(Cap::new(CapScope::Kind, Amount::Messages(9), Period::Day).only_kind("otp"))
        .prices(PriceTable::new(Money::minor(80)))
        .build()
        .unwrap();
    let provider = guard.around(Mock::new());
    assert_eq!(sent(&provider, KENYAN, 3).await, 2);
    assert_eq!(sent(&provider, OTHER, 1).await, 1);
    let mut of_tenant = context("notification");
    of_tenant.tenant = Some(Tenant::new("acme").unwrap());
    let third = message("+254700111222");
    provider.send(&third, &of_tenant).await.unwrap();

    let seen = guard.snapshot().await.unwrap();
    assert_eq!((seen.guard.as_str(), &seen.stopped), ("sms", &None));
    let [daily, recipient, tenant, month, otps] = &seen.caps[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(daily.cap.name(), "daily");
    assert_eq!(used(daily), (Amount::Messages(4), Amount::Messages(6)));
    assert_eq!((daily.counts, daily.full), (1, 0));
    assert_eq!(daily.fullest[0].of.as_deref(), Some("all"));
    // Three got something, and one of them gets no more.
    assert_eq!((recipient.counts, recipient.full), (3, 1));
    assert_eq!(used(recipient), (Amount::Messages(2), Amount::Messages(0)));
    assert!(recipient.fullest.iter().all(|count| count.of.is_none()));
    assert_eq!(
        (tenant.counts, tenant.fullest[0].of.as_deref()),
        (1, Some("acme"))
    );
    assert_eq!(used(tenant), (Amount::Segments(1), Amount::Segments(4)));
    let left = Amount::Cost(Money::minor(1_000 - 4 * 80));
    assert_eq!(used(month), (Amount::Cost(Money::minor(4 * 80)), left));
    // Nothing was counted under it.
    assert_eq!(used(otps), (Amount::Messages(0), Amount::Messages(9)));
    assert_eq!((otps.counts, otps.fullest.len()), (0, 0));
    assert!(seen.caps.iter().all(|usage| !usage.is_partial));
    // No number, no key of one.
    let shown = format!("{seen:?}");
    assert!(!shown.contains("254") && !shown.contains("7123"), "{shown}");

    guard.stop("the bill is odd").await.unwrap();
    let stopped = guard.snapshot().await.unwrap().stopped.unwrap();
    assert_eq!(stopped.reason, "the bill is odd");
}

async fn a_new_period_begins_at_nothing(store: Store) {
    let cap = Cap::new(CapScope::All, Amount::Messages(3), Period::Day);
    let guard = guard_of(&store, cap);
    let provider = guard.around(Mock::new());
    sent(&provider, KENYAN, 5).await;
    let today = guard.snapshot().await.unwrap().caps.remove(0);
    assert_eq!((today.full, today.left), (1, Amount::Messages(0)));
    store.queue.advance_to(today.resets_at);
    let tomorrow = guard.snapshot().await.unwrap().caps.remove(0);
    assert_eq!(used(&tomorrow), (Amount::Messages(0), Amount::Messages(3)));
    assert_eq!(tomorrow.resets_at.since(today.resets_at), 24 * HOUR);
    assert_eq!(sent(&provider, KENYAN, 1).await, 1);
    let tomorrow = guard.snapshot().await.unwrap().caps.remove(0);
    assert_eq!(tomorrow.used, Amount::Messages(1));
}

async fn what_was_taken_back_is_not_shown(store: Store) {
    for scope in [CapScope::All, CapScope::Recipient] {
        let guard = guard_builder(&store)
            .name(scope.to_string())
            .cap(Cap::new(scope, Amount::Messages(3), Period::Day))
            .build()
            .unwrap();
        let provider = guard.around(Mock::new().then(MockAnswer::transient()));
        assert_eq!(sent(&provider, KENYAN, 1).await, 0);
        let usage = guard.snapshot().await.unwrap().caps.remove(0);
        assert_eq!(
            (usage.used, usage.counts),
            (Amount::Messages(0), 0),
            "{scope}"
        );
        // What may have been sent is.
        let provider = guard.around(Mock::new().then(MockAnswer::unknown()));
        assert_eq!(sent(&provider, KENYAN, 1).await, 0);
        let usage = guard.snapshot().await.unwrap().caps.remove(0);
        assert_eq!(
            (usage.used, usage.counts),
            (Amount::Messages(1), 1),
            "{scope}"
        );
    }
}

async fn a_crowd_of_recipients_is_counted_and_not_named(store: Store) {
    let cap = Cap::new(CapScope::Recipient, Amount::Messages(1), Period::Day);
    let guard = guard_of(&store, cap);
    let provider = guard.around(Mock::new());
    for n in 0..40 {
        assert_eq!(sent(&provider, &format!("+2547123456{n:02}"), 1).await, 1);
    }
    let usage = guard.snapshot().await.unwrap().caps.remove(0);
    assert_eq!((usage.counts, usage.full), (40, 40));
    assert_eq!(usage.fullest.len(), SNAPSHOT_FULLEST_MAX);
}

async fn all_processes_are_in_it(store: Store) {
    let cap = || Cap::new(CapScope::Country, Amount::Messages(9), Period::Day);
    let here = guard_of(&store, cap());
    let elsewhere = store.opened_again().await;
    let there = SpendGuard::builder(elsewhere.records()).clock(store.clock.clone());
    let there = there.cap(cap()).build().unwrap();
    sent(&here.around(Mock::new()), KENYAN, 2).await;
    sent(&there.around(Mock::new()), OTHER, 3).await;
    for guard in [here, there] {
        let usage = guard.snapshot().await.unwrap().caps.remove(0);
        assert_eq!(usage.fullest[0].of.as_deref(), Some("KE"));
        assert_eq!(used(&usage), (Amount::Messages(5), Amount::Messages(4)));
    }
}

#[tokio::test]
async fn a_store_that_cant_be_read_says_so() {
    let clock = ManualClock::default();
    let store = FaultyBackend::in_memory(&clock).await;
    let guard = SpendGuard::builder(queue::backend::Backend::records(&store)).clock(clock);
    let cap = Cap::new(CapScope::All, Amount::Messages(9), Period::Day);
    let guard = guard.cap(cap).build().unwrap();
    store.fail_from(StoreCall::Read, 1, StoreFault::Refuse(BackendErrorKind::Io));
    let error = guard.snapshot().await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Io);
    store.heal();
    assert!(guard.snapshot().await.is_ok());
}
