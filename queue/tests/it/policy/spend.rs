//! Caps: what is counted, for whom, in which time, and what becomes of the rest.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use queue::backend::{Backend, BackendErrorKind};
use queue::clock::{Clock, ManualClock};
use queue::job::{Kind, Tenant};
use queue::policy::{
    Amount, Cap, CapScope, Money, OverCap, Period, PriceTable, Refusal, SpendGuard,
    SpendGuardBuilder, SpendGuardError, Zone,
};
use queue::provider::{
    Mock, MockAnswer, Provider, ProviderError, ProviderErrorKind, Receipt, SendContext,
};
use queue::sms::{SmsMessage, SmsText};
use queue::testing::fault::{FaultyBackend, StoreCall, StoreFault};
use queue::{JobId, State, create_notification_sms_job, create_otp_sms_job};

use super::support::*;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn builder(store: &Store) -> SpendGuardBuilder {
    SpendGuard::builder(store.records()).clock(store.clock.clone())
}

fn guard(store: &Store, cap: Cap) -> SpendGuard {
    builder(store).every_country().cap(cap).build().unwrap()
}

/// How long the policy puts the message off.
fn wait(answer: Result<Receipt, ProviderError>) -> Duration {
    match answer.expect_err("it was sent").kind() {
        ProviderErrorKind::Throttled { after } => after,
        kind => panic!("it was not put off but {}", kind.as_str()),
    }
}

/// How many of `count` messages go through.
async fn sent<P: Provider<SmsMessage>>(provider: &P, recipient: &str, count: usize) -> usize {
    let mut sent = 0;
    for _ in 0..count {
        let answer = provider
            .send(&message(recipient), &context("notification"))
            .await;
        sent += usize::from(answer.is_ok());
    }
    sent
}

#[tokio::test]
async fn each_scope_counts_together_what_it_says() {
    let neighbour = "+254712345999";
    let abroad = "+255712345678";
    // Scope, and who shares the count of the Kenyan number.
    for (scope, with_neighbour, with_other, with_abroad) in [
        (CapScope::Recipient, false, false, false),
        (CapScope::Prefix { digits: 9 }, true, false, false),
        (CapScope::Country, true, true, false),
        (CapScope::Provider, true, true, true),
        (CapScope::Kind, true, true, true),
        (CapScope::All, true, true, true),
    ] {
        for (other, shared) in [
            (neighbour, with_neighbour),
            (OTHER, with_other),
            (abroad, with_abroad),
        ] {
            let store = Store::in_memory().await;
            let guard = guard(&store, Cap::new(scope, Amount::Messages(3), Period::Day));
            let provider = guard.around(Mock::new());
            assert_eq!(sent(&provider, KENYAN, 5).await, 3, "{scope}");
            let expected = if shared { 0 } else { 3 };
            assert_eq!(
                sent(&provider, other, 5).await,
                expected,
                "{scope}: {other}"
            );
        }
    }
}

#[tokio::test]
async fn tenants_and_kinds_have_counts_of_their_own() {
    let store = Store::in_memory().await;
    let cap = Cap::new(CapScope::Tenant, Amount::Messages(1), Period::Day);
    let provider = guard(&store, cap).around(Mock::new());
    let send = async |kind: &str, tenant: Option<&str>| {
        let mut context = context(kind);
        context.tenant = tenant.map(|name| Tenant::new(name).unwrap());
        provider.send(&message(KENYAN), &context).await.is_ok()
    };
    assert!(send("otp", Some("a")).await && !send("otp", Some("a")).await);
    assert!(send("otp", Some("b")).await);
    // Not counted without a tenant.
    assert!(send("otp", None).await && send("otp", None).await);

    let store = Store::in_memory().await;
    let cap = Cap::new(CapScope::All, Amount::Messages(1), Period::Day).only_kind("notification");
    let provider = guard(&store, cap).around(Mock::new());
    for (kind, goes) in [
        ("notification", true),
        ("notification", false),
        ("otp", true),
        ("otp", true),
    ] {
        assert_eq!(
            provider
                .send(&message(KENYAN), &context(kind))
                .await
                .is_ok(),
            goes
        );
    }
}

#[tokio::test]
async fn segments_and_money_are_counted_as_such() {
    let long = |segments: usize| {
        let text = SmsText::new("a".repeat(153 * segments)).unwrap();
        assert_eq!(usize::from(text.segments()), segments);
        SmsMessage::new(number(KENYAN), text)
    };
    let prices = PriceTable::new(Money::minor(80));
    for amount in [Amount::Segments(5), Amount::Cost(Money::minor(400))] {
        let store = Store::in_memory().await;
        let cap = Cap::new(CapScope::All, amount, Period::Day);
        let guard = builder(&store)
            .cap(cap)
            .prices(prices.clone())
            .build()
            .unwrap();
        let provider = guard.around(Mock::new());
        let send = async |segments| {
            provider
                .send(&long(segments), &context("notification"))
                .await
                .is_ok()
        };
        assert!(send(3).await, "{amount}");
        // Not half of it.
        assert!(!send(3).await, "{amount}");
        assert!(send(2).await, "{amount}");
        assert!(!send(2).await, "{amount}");
    }
}

#[tokio::test]
async fn all_caps_count_or_none() {
    let store = Store::in_memory().await;
    let guard = builder(&store)
        .cap(Cap::new(CapScope::All, Amount::Messages(3), Period::Day))
        .cap(Cap::new(
            CapScope::Recipient,
            Amount::Messages(1),
            Period::Day,
        ))
        .build()
        .unwrap();
    let provider = guard.around(Mock::new());
    assert_eq!(sent(&provider, KENYAN, 10).await, 1);
    // Nine refusals left no mark on the count of all.
    assert_eq!(
        sent(&provider, OTHER, 1).await + sent(&provider, "+254712000001", 1).await,
        2
    );
    assert_eq!(sent(&provider, "+254712000002", 1).await, 0);
}

#[tokio::test]
async fn what_was_surely_not_sent_is_taken_back_and_the_rest_stays() {
    for (answer, stays) in [
        (MockAnswer::accept(), true),
        (MockAnswer::unknown(), true),
        (MockAnswer::rejected(), false),
        (MockAnswer::transient(), false),
        (MockAnswer::throttled(HOUR), false),
        (MockAnswer::misconfigured(), false),
    ] {
        let store = Store::in_memory().await;
        let guard = guard(
            &store,
            Cap::new(CapScope::All, Amount::Messages(1), Period::Day),
        );
        let provider = guard.around(Mock::new().then(answer));
        let first = provider
            .send(&message(KENYAN), &context("notification"))
            .await;
        let room = provider
            .send(&message(KENYAN), &context("notification"))
            .await
            .is_ok();
        assert_eq!(room, !stays, "{first:?}");
    }
}

#[tokio::test]
async fn a_send_that_is_cut_off_stays_counted() {
    let store = Store::in_memory().await;
    let guard = guard(
        &store,
        Cap::new(CapScope::All, Amount::Messages(1), Period::Day),
    );
    let mock = Mock::new().then(MockAnswer::hang());
    let provider = guard.around(mock.clone());
    let (sms, cut) = (message(KENYAN), context("notification"));
    let send = provider.send(&sms, &cut);
    let called = async {
        while mock.call_count() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = send => panic!("a hanging provider answered"),
        () = called => {}
    }
    assert_eq!(
        code(provider.send(&sms, &context("notification")).await),
        "spend_cap"
    );
}

#[tokio::test]
async fn a_message_is_counted_before_it_is_sent() {
    let store = Store::in_memory().await;
    let guard = guard(
        &store,
        Cap::new(CapScope::All, Amount::Messages(1), Period::Day),
    );
    // A provider that, while it sends, tries to send another one.
    struct Greedy(SpendGuard, Mutex<Option<String>>);
    impl Provider<SmsMessage> for Greedy {
        fn name(&self) -> &str {
            "greedy"
        }

        fn send<'a>(
            &'a self,
            sms: &'a SmsMessage,
            _: &'a SendContext,
        ) -> queue::BoxFuture<'a, Result<Receipt, ProviderError>> {
            Box::pin(async move {
                let second = self.0.around(Mock::new());
                let answer = second.send(sms, &context("notification")).await;
                *self.1.lock().unwrap() = Some(code(answer));
                Ok(Receipt::new("greedy"))
            })
        }
    }
    let greedy = Arc::new(Greedy(guard.clone(), Mutex::new(None)));
    let provider = guard.around(greedy.clone());
    assert!(
        provider
            .send(&message(KENYAN), &context("notification"))
            .await
            .is_ok()
    );
    assert_eq!(greedy.1.lock().unwrap().as_deref(), Some("spend_cap"));
}

#[tokio::test]
async fn what_is_over_a_cap_waits_or_is_refused_by_kind() {
    for store in Store::both().await {
        let mock = Mock::new();
        let guard = builder(&store)
            .cap(Cap::new(
                CapScope::Recipient,
                Amount::Messages(1),
                Period::Every(HOUR),
            ))
            .over_for("otp", OverCap::Refuse)
            .build()
            .unwrap();
        let provider = guard.around(mock.clone());
        let first = create_notification_sms_job(&store.queue, notification(KENYAN))
            .await
            .unwrap();
        store.queue.run_due(&provider).await;
        let waits = create_notification_sms_job(&store.queue, notification(KENYAN))
            .await
            .unwrap();
        let refused = create_otp_sms_job(&store.queue, otp(KENYAN, 10))
            .await
            .unwrap();
        // It stands behind the two, and is not held up.
        let other = create_notification_sms_job(&store.queue, notification(OTHER))
            .await
            .unwrap();
        let report = store.queue.run_due(&provider).await;
        assert_eq!((report.snoozed, report.dead, report.completed), (1, 1, 1));
        for (job, state) in [
            (first, State::Completed),
            (waits, State::Snoozed),
            (refused, State::Dead),
            (other, State::Completed),
        ] {
            assert_eq!(store.state(job.job_id).await, state);
        }
        let reason = store.reason(refused.job_id).await;
        assert!(reason.starts_with("rejected (spend_cap)"), "{reason}");
        let view = store.queue.job(waits.job_id).await.unwrap().unwrap();
        assert_eq!(view.attempt, 0, "a deferral charges no attempt");
        store.queue.advance(HOUR + Duration::from_secs(300));
        assert_eq!(store.queue.run_due(&provider).await.completed, 1);
        assert_eq!(store.state(waits.job_id).await, State::Completed);
    }
}

#[tokio::test]
async fn a_deferred_code_expires_and_is_never_sent_late() {
    let store = Store::in_memory().await;
    let cap = Cap::new(CapScope::Recipient, Amount::Messages(1), Period::Day);
    let (guard, mock) = (guard(&store, cap), Mock::new());
    let provider = guard.around(mock.clone());
    create_otp_sms_job(&store.queue, otp(KENYAN, 10))
        .await
        .unwrap();
    let late = create_otp_sms_job(&store.queue, otp(KENYAN, 10))
        .await
        .unwrap();
    store.queue.drain(&provider).await;
    assert_eq!(store.state(late.job_id).await, State::Expired);
    assert_eq!(mock.sent_count(), 1);
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
        let guard = builder(&store)
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_at_once_send_exactly_the_cap() {
    for store in Store::both().await {
        let cap = || Cap::new(CapScope::All, Amount::Messages(20), Period::Day);
        let mut records = vec![store.records()];
        if store.is_a_file() {
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn takings_back_leave_room_for_exactly_as_many() {
    let store = Store::in_memory().await;
    let guard = guard(
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

#[tokio::test]
async fn an_alarm_is_raised_once_for_a_cap_and_period_over_all_processes() {
    let store = Store::in_a_file().await;
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

#[tokio::test]
async fn countries_that_were_not_named_are_refused() {
    let store = Store::in_memory().await;
    let home = builder(&store).build().unwrap().around(Mock::new());
    let (kenyan, tanzanian) = (message(KENYAN), message("+255712345678"));
    assert!(home.send(&kenyan, &context("otp")).await.is_ok());
    let error = home.send(&tanzanian, &context("otp")).await.unwrap_err();
    assert_eq!(Refusal::of(&error), Some(Refusal::Country));
    assert_eq!(error.kind(), ProviderErrorKind::Rejected);
    assert!(!error.to_string().contains("255"), "{error}");
    let named = builder(&store)
        .countries(["TZ".parse().unwrap()])
        .build()
        .unwrap();
    let named = named.around(Mock::new());
    assert!(named.send(&tanzanian, &context("otp")).await.is_ok());
    assert_eq!(
        code(named.send(&kenyan, &context("otp")).await),
        "country_not_allowed"
    );
    let all = builder(&store)
        .every_country()
        .build()
        .unwrap()
        .around(Mock::new());
    assert!(
        all.send(&message("+870773111632"), &context("otp"))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn nothing_is_sent_that_could_not_be_counted() {
    let clock = ManualClock::default();
    let store = Arc::new(FaultyBackend::in_memory(&clock).await);
    let guard = SpendGuard::builder(store.records())
        .clock(clock)
        .cap(Cap::new(CapScope::All, Amount::Messages(1), Period::Day))
        .build()
        .unwrap();
    let mock = Mock::new();
    let provider = guard.around(mock.clone());
    for call in [StoreCall::Read, StoreCall::Record] {
        store.fail(call, 1, StoreFault::Refuse(BackendErrorKind::Full));
        let error = provider
            .send(&message(KENYAN), &context("otp"))
            .await
            .unwrap_err();
        assert_eq!(Refusal::of(&error), Some(Refusal::Unchecked));
        let full = Duration::from_secs(30);
        assert_eq!(error.kind(), ProviderErrorKind::Throttled { after: full });
    }
    assert_eq!(mock.call_count(), 0);
    assert!(
        provider
            .send(&message(KENYAN), &context("otp"))
            .await
            .is_ok()
    );
    // What can't be taken back stays counted: too much rather than too little.
    mock.push(MockAnswer::transient());
    let other = SpendGuard::builder(store.records())
        .name("other")
        .cap(Cap::new(CapScope::All, Amount::Messages(1), Period::Day));
    let other = other.build().unwrap().around(mock.clone());
    store.fail(
        StoreCall::Record,
        2,
        StoreFault::Refuse(BackendErrorKind::Io),
    );
    let error = other
        .send(&message(KENYAN), &context("otp"))
        .await
        .unwrap_err();
    assert_eq!(Refusal::of(&error), None);
    assert_eq!(
        code(other.send(&message(KENYAN), &context("otp")).await),
        "spend_cap"
    );
}

#[tokio::test]
async fn guards_of_different_names_count_apart() {
    let store = Store::in_memory().await;
    let cap = || Cap::new(CapScope::Provider, Amount::Messages(1), Period::Day);
    let named = |name: &str| builder(&store).name(name).cap(cap()).build().unwrap();
    let (one, two) = (
        named("salum").around(Mock::new()),
        named("twilio").around(Mock::new()),
    );
    // The same attempt of a job may be tried through both.
    let context = context("otp");
    assert!(one.send(&message(KENYAN), &context).await.is_ok());
    assert!(two.send(&message(KENYAN), &context).await.is_ok());
    assert_eq!(sent(&one, KENYAN, 1).await + sent(&two, KENYAN, 1).await, 0);
}

#[tokio::test]
async fn guards_that_make_no_sense_are_refused() {
    let store = Store::in_memory().await;
    let cap = || Cap::new(CapScope::All, Amount::Messages(1), Period::Day);
    let refused = |builder: SpendGuardBuilder| builder.build().unwrap_err();
    let name = |error| matches!(error, SpendGuardError::Name { .. });
    for wrong in ["", "with space", "UPPER", "a/b", &"a".repeat(33)] {
        assert!(name(refused(builder(&store).name(wrong))), "{wrong}");
    }
    assert!(name(refused(builder(&store).cap(cap().named("a/b")))));
    let twice = refused(builder(&store).cap(cap()).cap(cap()));
    assert_eq!(
        twice.to_string(),
        "two caps are called `all_messages_day`: give one another name"
    );
    let money = Cap::new(CapScope::All, Amount::Cost(Money::minor(1)), Period::Day);
    assert!(matches!(
        refused(builder(&store).cap(money)),
        SpendGuardError::NoPrices { .. }
    ));
    for digits in [0, 16] {
        let cap = Cap::new(
            CapScope::Prefix { digits },
            Amount::Messages(1),
            Period::Day,
        );
        assert!(matches!(
            refused(builder(&store).cap(cap)),
            SpendGuardError::PrefixDigits { .. }
        ));
    }
    let short = Period::Every(Duration::from_millis(999));
    let cap_too_short = Cap::new(CapScope::All, Amount::Messages(1), short);
    assert!(matches!(
        refused(builder(&store).cap(cap_too_short)),
        SpendGuardError::TooShort { .. }
    ));
    let brief = builder(&store).cool_down("otp", Duration::ZERO);
    assert!(matches!(refused(brief), SpendGuardError::TooShort { .. }));
    let many = (0..17).fold(builder(&store), |builder, n| {
        builder.cap(cap().named(format!("cap{n}")))
    });
    let expected = SpendGuardError::TooManyCaps {
        actual: 17,
        limit: 16,
    };
    assert_eq!(refused(many), expected);
}

#[tokio::test]
async fn the_longest_names_there_may_be_are_counted() {
    let store = Store::in_memory().await;
    let cap = Cap::new(CapScope::Tenant, Amount::Messages(1), Period::Day);
    let guard = builder(&store)
        .name("g".repeat(32))
        .cap(cap.named("c".repeat(64)));
    let provider = guard.build().unwrap().around(Mock::new());
    let mut context = SendContext::new(JobId::new(), Duration::from_secs(10));
    context.kind = Some(Kind::from_static("otp"));
    context.tenant = Some(Tenant::new("é".repeat(64)).unwrap());
    assert!(provider.send(&message(KENYAN), &context).await.is_ok());
    context.job = JobId::new();
    assert_eq!(
        code(provider.send(&message(KENYAN), &context).await),
        "spend_cap"
    );
    assert!(store.clock.now().as_millis() > 0);
}
