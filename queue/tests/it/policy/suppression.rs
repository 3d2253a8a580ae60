//! The suppression list: durable, shared, asked before every send, and fed by what providers say.

use std::sync::Arc;
use std::time::Duration;

use queue::backend::{Backend, BackendErrorKind, RecordKey};
use queue::clock::{Clock, ManualClock};
use queue::job::{Address, RecipientKey};
use queue::policy::{
    Added, LIFTED_KEPT, Refusal, Sender, Suppress, Suppression, SuppressionReason,
    SuppressionScope, SuppressionSource,
};
use queue::provider::{Mock, MockAnswer, Provider, ProviderError, ProviderErrorKind};
use queue::testing::fault::{FaultyBackend, StoreCall, StoreFault};
use queue::{State, create_notification_sms_job, create_otp_sms_job};

use super::support::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn key(text: &str) -> RecipientKey {
    number(text).key("sms")
}

fn opted_out(text: &str) -> Suppress {
    Suppress::address("sms", &number(text), SuppressionReason::OptedOut)
}

fn list(store: &Store) -> Suppression {
    Suppression::new(store.records()).clock(store.clock.clone())
}

fn sender(text: &str) -> Sender {
    Sender::new(text).unwrap()
}

crate::store::on_each_store! {
    "current_thread": a_job_to_a_suppressed_recipient_is_dead_and_the_provider_is_not_asked,
        an_opt_out_that_the_provider_tells_stops_the_next_message,
        only_what_the_rule_says_is_learnt,
        an_entry_of_one_sender_stops_that_sender_only,
        an_exempt_kind_passes_opt_outs_and_not_hard_failures,
        entries_join_and_are_never_weakened,
        an_entry_with_an_end_ends,
        a_late_report_does_not_take_a_new_consent_back,
        an_import_of_a_thousand_pages_through_and_again_changes_nothing;
    "multi_thread": many_who_change_one_entry_at_once_all_get_through
}

mod shared {
    use super::*;
    crate::store::on_each_shared_store! {
        "current_thread": the_list_is_durable_and_shared_by_all_who_open_the_store
    }
}

async fn a_job_to_a_suppressed_recipient_is_dead_and_the_provider_is_not_asked(store: Store) {
    let list = list(&store);
    assert_eq!(list.add(opted_out(KENYAN)).await.unwrap(), Added::New);
    let mock = Mock::new();
    let stopped = create_notification_sms_job(&store.queue, notification(KENYAN))
        .await
        .unwrap();
    let other = create_notification_sms_job(&store.queue, notification(OTHER))
        .await
        .unwrap();
    store.queue.run_due(&list.around(mock.clone())).await;
    assert_eq!(store.state(stopped.job_id).await, State::Dead);
    let reason = store.reason(stopped.job_id).await;
    assert!(reason.starts_with("rejected (suppressed)"), "{reason}");
    assert!(!reason.contains("712345"), "{reason}");
    assert_eq!(store.state(other.job_id).await, State::Completed);
    assert_eq!(mock.call_count(), 1);

    assert!(
        list.lift(&key(KENYAN), &SuppressionScope::Everything)
            .await
            .unwrap()
    );
    assert!(
        !list
            .lift(&key(KENYAN), &SuppressionScope::Everything)
            .await
            .unwrap()
    );
    create_notification_sms_job(&store.queue, notification(KENYAN))
        .await
        .unwrap();
    assert_eq!(
        store
            .queue
            .run_due(&list.around(mock.clone()))
            .await
            .completed,
        1
    );
}

async fn an_opt_out_that_the_provider_tells_stops_the_next_message(store: Store) {
    let list = list(&store);
    let opt_out = ProviderError::rejected("stopped by the recipient")
        .code(21610)
        .suppress();
    let mock = Mock::new().then(MockAnswer::fail(opt_out));
    let provider = list.around(mock.clone());
    for _ in 0..3 {
        create_notification_sms_job(&store.queue, notification(KENYAN))
            .await
            .unwrap();
    }
    assert_eq!(store.queue.run_due(&provider).await.dead, 3);
    assert_eq!(mock.call_count(), 1);
    let entry = list.check(&key(KENYAN), None).await.unwrap().unwrap();
    assert_eq!(entry.reason, SuppressionReason::OptedOut);
    assert_eq!(entry.source, SuppressionSource::Provider("mock".to_owned()));
    assert_eq!(entry.masked.as_deref(), Some("+254*******78"));
    assert_eq!(entry.since, store.clock.now());
}

async fn only_what_the_rule_says_is_learnt(store: Store) {
    let list = list(&store);
    let no_such_number = || MockAnswer::fail(ProviderError::rejected("no such number").code(1003));
    let mock = Mock::new().then(no_such_number()).then(no_such_number());
    let context = context("notification");
    // By default a refusal without an opt-out says nothing about the recipient.
    assert_eq!(
        code(
            list.around(mock.clone())
                .send(&message(KENYAN), &context)
                .await
        ),
        "1003"
    );
    assert_eq!(list.check(&key(KENYAN), None).await.unwrap(), None);
    let learns = list.around(mock.clone()).learn(|error| {
        (error.provider_code() == Some("1003")).then_some(SuppressionReason::HardFailure)
    });
    assert_eq!(code(learns.send(&message(KENYAN), &context).await), "1003");
    assert_eq!(
        code(learns.send(&message(KENYAN), &context).await),
        "suppressed"
    );
    // Not an answer about the recipient, whatever the rule says.
    mock.push(MockAnswer::fail(
        ProviderError::transient("busy").code(1003),
    ));
    assert_eq!(code(learns.send(&message(OTHER), &context).await), "1003");
    assert_eq!(list.check(&key(OTHER), None).await.unwrap(), None);
}

async fn an_entry_of_one_sender_stops_that_sender_only(store: Store) {
    let list = list(&store);
    list.add(opted_out(KENYAN).sender(sender("OFFERS")))
        .await
        .unwrap();
    let (offers, bank) = (
        list.around(Mock::new()).sender(sender("OFFERS")),
        list.around(Mock::new()).sender(sender("BANK")),
    );
    let context = context("notification");
    assert_eq!(
        code(offers.send(&message(KENYAN), &context).await),
        "suppressed"
    );
    assert!(bank.send(&message(KENYAN), &context).await.is_ok());
    assert!(
        list.around(Mock::new())
            .send(&message(KENYAN), &context)
            .await
            .is_ok()
    );
    list.add(opted_out(KENYAN)).await.unwrap();
    assert_eq!(
        code(bank.send(&message(KENYAN), &context).await),
        "suppressed"
    );
    assert_eq!(list.entries(&key(KENYAN)).await.unwrap().len(), 2);
    assert_eq!(list.lift_all(&key(KENYAN)).await.unwrap(), 2);
    assert!(offers.send(&message(KENYAN), &context).await.is_ok());
}

async fn an_exempt_kind_passes_opt_outs_and_not_hard_failures(store: Store) {
    let list = list(&store);
    list.add(opted_out(KENYAN)).await.unwrap();
    let dead = Suppress::address("sms", &number(OTHER), SuppressionReason::HardFailure);
    list.add(dead).await.unwrap();
    let mock = Mock::new();
    let provider = list.around(mock.clone()).exempt_kind("otp");
    create_otp_sms_job(&store.queue, otp(KENYAN, 10))
        .await
        .unwrap();
    create_otp_sms_job(&store.queue, otp(OTHER, 10))
        .await
        .unwrap();
    create_notification_sms_job(&store.queue, notification(KENYAN))
        .await
        .unwrap();
    let report = store.queue.run_due(&provider).await;
    assert_eq!((report.completed, report.dead), (1, 2));
    assert_eq!(mock.last().unwrap().recipient, number(KENYAN));
}

async fn entries_join_and_are_never_weakened(store: Store) {
    let list = list(&store);
    let now = store.clock.now();
    let failure = Suppress::address("sms", &number(KENYAN), SuppressionReason::HardFailure);
    let failure = failure.until(now.saturating_add(DAY)).since(now);
    assert_eq!(list.add(failure.clone()).await.unwrap(), Added::New);
    assert_eq!(list.add(failure.clone()).await.unwrap(), Added::Known);
    assert_eq!(list.add(opted_out(KENYAN)).await.unwrap(), Added::Joined);
    assert_eq!(list.add(failure).await.unwrap(), Added::Known);
    let entry = list.check(&key(KENYAN), None).await.unwrap().unwrap();
    assert_eq!(
        (entry.reason, entry.until),
        (SuppressionReason::OptedOut, None)
    );
    store.queue.advance(DAY * 2);
    assert!(list.check(&key(KENYAN), None).await.unwrap().is_some());
}

async fn an_entry_with_an_end_ends(store: Store) {
    let list = list(&store);
    let end = store.clock.now().saturating_add(DAY);
    list.add(opted_out(KENYAN).until(end)).await.unwrap();
    store.queue.advance(DAY - Duration::from_millis(1));
    assert!(list.check(&key(KENYAN), None).await.unwrap().is_some());
    store.queue.advance(Duration::from_millis(1));
    assert_eq!(list.check(&key(KENYAN), None).await.unwrap(), None);
    assert_eq!(
        list.add(opted_out(KENYAN).until(end)).await.unwrap(),
        Added::Outdated
    );
}

async fn a_late_report_does_not_take_a_new_consent_back(store: Store) {
    let list = list(&store);
    let morning = store.clock.now();
    list.add(opted_out(KENYAN)).await.unwrap();
    store.queue.advance(DAY);
    list.lift(&key(KENYAN), &SuppressionScope::Everything)
        .await
        .unwrap();
    store.queue.advance(DAY);
    let late = opted_out(KENYAN).since(morning);
    assert_eq!(list.add(late.clone()).await.unwrap(), Added::Outdated);
    assert_eq!(list.check(&key(KENYAN), None).await.unwrap(), None);
    assert_eq!(list.list(None, 10).await.unwrap().entries, []);
    // A new one counts.
    assert_eq!(list.add(opted_out(KENYAN)).await.unwrap(), Added::New);
    list.lift(&key(KENYAN), &SuppressionScope::Everything)
        .await
        .unwrap();
    // What is promised for a month is not promised for longer.
    store.queue.advance(LIFTED_KEPT);
    assert_eq!(list.add(late).await.unwrap(), Added::New);
}

async fn the_list_is_durable_and_shared_by_all_who_open_the_store(store: Store) {
    list(&store).add(opted_out(KENYAN)).await.unwrap();
    let other = store.opened_again().await;
    let others = Suppression::new(other.records()).clock(store.clock.clone());
    assert!(others.check(&key(KENYAN), None).await.unwrap().is_some());
    others
        .lift(&key(KENYAN), &SuppressionScope::Everything)
        .await
        .unwrap();
    assert_eq!(list(&store).check(&key(KENYAN), None).await.unwrap(), None);
}

async fn an_import_of_a_thousand_pages_through_and_again_changes_nothing(store: Store) {
    let list = list(&store);
    let numbers = || (0..1000).map(|n| format!("+2547120{n:05}"));
    let entries = || numbers().map(|number| opted_out(&number).source(SuppressionSource::Import));
    let imported = list.import(entries()).await.unwrap();
    assert_eq!((imported.new, imported.total()), (1000, 1000));
    let again = list.import(entries()).await.unwrap();
    assert_eq!((again.known, again.total()), (1000, 1000));
    // Lifted ones leave holes in the store, and none in the pages.
    for number in numbers().step_by(10) {
        list.lift_all(&key(&number)).await.unwrap();
    }
    let (mut seen, mut after): (Vec<RecipientKey>, Option<RecordKey>) = (Vec::new(), None);
    loop {
        let page = list.list(after, 64).await.unwrap();
        assert!(page.next.is_none() || page.entries.len() == 64);
        seen.extend(page.entries.iter().map(|entry| entry.recipient));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 900);
}

async fn many_who_change_one_entry_at_once_all_get_through(store: Store) {
    let list = list(&store);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..16u64 {
        let list = list.clone();
        let until = store.clock.now().saturating_add(DAY * (n as u32 + 1));
        tasks.spawn(async move { list.add(opted_out(KENYAN).until(until)).await });
    }
    while let Some(added) = tasks.join_next().await {
        added.unwrap().unwrap();
    }
    let entry = list.check(&key(KENYAN), None).await.unwrap().unwrap();
    assert_eq!(
        entry.until,
        Some(store.clock.now().saturating_add(DAY * 16))
    );
}

#[tokio::test]
async fn nothing_is_sent_that_could_not_be_checked() {
    let clock = ManualClock::default();
    let store = Arc::new(FaultyBackend::in_memory(&clock).await);
    let list = Suppression::new(store.records()).clock(clock);
    let (mock, context) = (Mock::new(), context("notification"));
    let provider = list.around(mock.clone());
    store.fail(StoreCall::Read, 1, StoreFault::Refuse(BackendErrorKind::Io));
    let error = provider.send(&message(KENYAN), &context).await.unwrap_err();
    assert_eq!(Refusal::of(&error), Some(Refusal::Unchecked));
    // Put off without charging an attempt.
    assert!(matches!(error.kind(), ProviderErrorKind::Throttled { .. }));
    assert_eq!(mock.call_count(), 0);
    assert!(provider.send(&message(KENYAN), &context).await.is_ok());
}

#[tokio::test]
async fn a_refusal_stays_one_when_it_cant_be_noted() {
    let clock = ManualClock::default();
    let store = Arc::new(FaultyBackend::in_memory(&clock).await);
    let list = Suppression::new(store.records()).clock(clock);
    let opt_out = ProviderError::rejected("stopped").code(21610).suppress();
    let provider = list.around(Mock::always(MockAnswer::fail(opt_out)));
    store.fail(
        StoreCall::Record,
        1,
        StoreFault::Refuse(BackendErrorKind::Full),
    );
    let context = context("notification");
    assert_eq!(
        code(provider.send(&message(KENYAN), &context).await),
        "21610"
    );
    assert_eq!(list.check(&key(KENYAN), None).await.unwrap(), None);
    // The next refusal is noted.
    assert_eq!(
        code(provider.send(&message(KENYAN), &context).await),
        "21610"
    );
    assert_eq!(
        code(provider.send(&message(KENYAN), &context).await),
        "suppressed"
    );
}

#[tokio::test]
async fn an_import_that_the_store_ends_says_how_far_it_came() {
    let clock = ManualClock::default();
    let store = Arc::new(FaultyBackend::in_memory(&clock).await);
    let list = Suppression::new(store.records()).clock(clock);
    let entries = || (0..200).map(|n| opted_out(&format!("+2547120{n:05}")));
    store.fail(
        StoreCall::Record,
        150,
        StoreFault::Refuse(BackendErrorKind::Full),
    );
    let error = list.import(entries()).await.unwrap_err();
    assert_eq!(error.source.kind(), BackendErrorKind::Full);
    let done = error.imported.new;
    assert!((149..200).contains(&done), "{done}");
    let rest = list.import(entries()).await.unwrap();
    assert_eq!((rest.known, rest.new), (done, 200 - done));
}

#[test]
fn nothing_of_a_recipient_is_shown() {
    let shown = format!("{:?}", opted_out(KENYAN));
    assert!(
        !shown.contains("254") && !shown.contains(&key(KENYAN).to_hex()),
        "{shown}"
    );
}
