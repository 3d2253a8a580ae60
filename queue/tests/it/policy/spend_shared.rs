//! Caps over time and over many: periods on a zone's clocks, many at once, several processes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use queue::policy::{Amount, Cap, CapScope, Period, Refusal, SpendGuard, Zone};
use queue::provider::{Mock, MockAnswer, Provider, ProviderError, ProviderErrorKind, Receipt};
use queue::sms::SmsMessage;

use super::support::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long the policy puts the message off.
fn wait(answer: Result<Receipt, ProviderError>) -> Duration {
    match answer.expect_err("it was sent").kind() {
        ProviderErrorKind::Throttled { after } => after,
        kind => panic!("it was not put off but {}", kind.as_str()),
    }
}

crate::store::on_each_store! {
    "multi_thread": a_crowd_on_one_counter_is_counted_to_the_last,
        sixty_four_at_once_send_exactly_the_cap,
        takings_back_leave_room_for_exactly_as_many
}

mod shared {
    use super::*;
    crate::store::on_each_shared_store! {
        "current_thread": an_alarm_is_raised_once_for_a_cap_and_period_over_all_processes
    }
}

#[tokio::test]
async fn days_and_months_end_on_the_zones_clocks() {
    for (zone, period, before, last, end) in [
        (
            "Africa/Nairobi",
            Period::Day,
            "2026-01-31T20:00",
            "2026-01-31T23:59:59",
            "2026-02-01T00:00",
        ),
        (
            "Africa/Nairobi",
            Period::Month,
            "2026-02-01T00:00",
            "2026-02-28T23:59:59",
            "2026-03-01T00:00",
        ),
        (
            "Africa/Nairobi",
            Period::Month,
            "2026-12-31T23:59",
            "2026-12-31T23:59:59",
            "2027-01-01T00:00",
        ),
        // A day of 23 hours, and one of 25.
        (
            "Europe/Warsaw",
            Period::Day,
            "2026-03-29T00:00",
            "2026-03-29T23:59:59",
            "2026-03-30T00:00",
        ),
        (
            "Europe/Warsaw",
            Period::Day,
            "2026-10-25T00:00",
            "2026-10-25T23:59:59",
            "2026-10-26T00:00",
        ),
        (
            "Europe/Warsaw",
            Period::Month,
            "2026-03-01T00:00",
            "2026-03-31T23:59:59",
            "2026-04-01T00:00",
        ),
        (
            "America/St_Johns",
            Period::Month,
            "2028-02-01T00:00",
            "2028-02-29T23:59:59",
            "2028-03-01T00:00",
        ),
    ] {
        let store = Store::in_memory().await;
        let cap = Cap::new(CapScope::All, Amount::Messages(1), period);
        let guard = guard_builder(&store)
            .zone(Zone::named(zone).unwrap())
            .cap(cap)
            .build()
            .unwrap();
        let provider = guard.around(Mock::new());
        let send = async || {
            provider
                .send(&message(KENYAN), &context("notification"))
                .await
        };
        store.queue.advance_to(moment(zone, before));
        assert!(send().await.is_ok());
        store.queue.advance_to(moment(zone, last));
        assert_eq!(
            wait(send().await),
            Duration::from_secs(1),
            "{last} in {zone}"
        );
        store.queue.advance_to(moment(zone, end));
        assert!(send().await.is_ok(), "{end} in {zone}");
        assert!(send().await.is_err());
    }
}

async fn sixty_four_at_once_send_exactly_the_cap(store: Store) {
    let cap = || Cap::new(CapScope::All, Amount::Messages(20), Period::Day);
    let mut records = vec![store.records()];
    if store.is_shared() {
        // As four processes would.
        for _ in 0..3 {
            records.push(store.opened_again().await.records());
        }
    }
    let mock = Mock::new();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..64 {
        let records = records[n % records.len()].clone();
        let guard = SpendGuard::builder(records)
            .clock(store.clock.clone())
            .cap(cap());
        let provider = guard.build().unwrap().around(mock.clone());
        tasks.spawn(async move {
            provider
                .send(&message(KENYAN), &context("notification"))
                .await
                .is_ok()
        });
    }
    let mut sent = 0;
    while let Some(task) = tasks.join_next().await {
        sent += usize::from(task.unwrap());
    }
    assert_eq!((sent, mock.call_count()), (20, 20));
}

async fn takings_back_leave_room_for_exactly_as_many(store: Store) {
    let guard = guard_of(
        &store,
        Cap::new(CapScope::All, Amount::Messages(20), Period::Day),
    );
    // Every other call fails, surely without an effect.
    let calls = Arc::new(AtomicUsize::new(0));
    let mock =
        Mock::with_rule(
            move |_: &SmsMessage, _| match calls.fetch_add(1, Ordering::Relaxed) % 2 {
                0 => MockAnswer::transient(),
                _ => MockAnswer::accept(),
            },
        );
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let provider = guard.around(mock.clone());
        tasks.spawn(async move {
            // Until it is sent or there is no room.
            loop {
                match provider
                    .send(&message(KENYAN), &context("notification"))
                    .await
                {
                    Ok(_) => return,
                    Err(error) if Refusal::of(&error).is_some() => return,
                    Err(_) => {}
                }
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    // Those who came while room was taken for a while went away; what is left is what was not sent, to the message.
    let before = mock.sent_count();
    assert!(before <= 20);
    assert_eq!(
        sent(&guard.around(Mock::new()), KENYAN, 64).await,
        20 - before
    );
}

async fn an_alarm_is_raised_once_for_a_cap_and_period_over_all_processes(store: Store) {
    let raised: Arc<Mutex<Vec<(String, i64)>>> = Arc::default();
    let guard = |records| {
        let raised = raised.clone();
        SpendGuard::builder(records)
            .clock(store.clock.clone())
            .cap(Cap::new(CapScope::Recipient, Amount::Messages(1), Period::Day).named("daily"))
            .on_alarm(|_| panic!("a callback that panics"))
            .on_alarm(move |alarm| {
                raised
                    .lock()
                    .unwrap()
                    .push((alarm.cap.name(), alarm.until.as_millis()));
            })
            .build()
            .unwrap()
    };
    let other = store.opened_again().await;
    let (here, there) = (
        guard(store.records()).around(Mock::new()),
        guard(other.records()).around(Mock::new()),
    );
    let midnight = |days: i64| 1_767_225_600_000 + days * 86_400_000;
    for day in 1..=2 {
        sent(&here, KENYAN, 3).await;
        sent(&there, KENYAN, 3).await;
        sent(&there, OTHER, 3).await;
        let expected: Vec<_> = (1..=day)
            .map(|n| ("daily".to_owned(), midnight(n)))
            .collect();
        assert_eq!(*raised.lock().unwrap(), expected);
        store.queue.advance(DAY);
    }
}

/// All of them add to one counter, and half of them take back what they added: nobody may be turned away because others
/// were first.
async fn a_crowd_on_one_counter_is_counted_to_the_last(store: Store) {
    const CROWD: usize = 256;
    let cap = Cap::new(CapScope::All, Amount::Messages(1000), Period::Day);
    let guard = guard_of(&store, cap);
    let calls = Arc::new(AtomicUsize::new(0));
    let mock =
        Mock::with_rule(
            move |_: &SmsMessage, _| match calls.fetch_add(1, Ordering::Relaxed) % 2 {
                0 => MockAnswer::transient(),
                _ => MockAnswer::accept(),
            },
        );
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..CROWD {
        let provider = guard.around(mock.clone());
        tasks.spawn(async move {
            let (message, context) = (message(KENYAN), context("notification"));
            let answer = provider.send(&message, &context).await;
            answer.err().and_then(|error| Refusal::of(&error))
        });
    }
    while let Some(task) = tasks.join_next().await {
        assert_eq!(task.unwrap(), None, "a policy turned it away");
    }
    assert_eq!((mock.call_count(), mock.sent_count()), (CROWD, CROWD / 2));
    let usage = guard.snapshot().await.unwrap().caps.remove(0);
    assert_eq!(usage.used, Amount::Messages(CROWD as u64 / 2));
}
