//! Circuit breakers in use: what they count, whom they stop, what they tell.

use std::sync::{Arc, Mutex};

use queue::clock::{Clock, ManualClock};
use queue::job::Tenant;
use queue::provider::stack::{
    BreakerCause, BreakerEvent, BreakerOptions, BreakerScope, BreakerState, CircuitBreaker,
    Guarded, ProviderStack,
};
use queue::provider::{Capacity, MockAnswer, Provider, ProviderErrorKind};
use queue::sms::SmsMessage;
use queue::{JobId, Priority};

use super::support::*;

type Events = Arc<Mutex<Vec<BreakerEvent>>>;

fn guarded(
    mock: &SmsMock,
    clock: &ManualClock,
    options: BreakerOptions,
) -> (CircuitBreaker<SmsMock>, Events) {
    let events = Events::default();
    let told = events.clone();
    let breaker = CircuitBreaker::observed(mock.clone(), options, clock.clone(), move |event| {
        told.lock().unwrap().push(event.clone());
    });
    (breaker, events)
}

fn changes(events: &Events) -> Vec<(BreakerState, BreakerState, Option<BreakerCause>)> {
    let events = events.lock().unwrap();
    (events.iter())
        .map(|event| (event.from, event.to(), event.cause))
        .collect()
}

#[tokio::test]
async fn a_dead_provider_is_left_alone_for_a_minute_and_then_probed() {
    use BreakerState::{Closed, HalfOpen, Open};
    let clock = ManualClock::default();
    let mock = SmsMock::always(MockAnswer::transient());
    let (breaker, events) = guarded(&mock, &clock, BreakerOptions::new());
    let snapshot = || breaker.view().snapshots().remove(0);
    let capacity = || breaker.capacity(Priority::Normal, clock.now());
    assert_eq!((snapshot().state, capacity()), (Closed, Capacity::Open));
    for failures in 1..=5 {
        assert_eq!(short(bulk(&breaker).await), "transient");
        assert_eq!(snapshot().failures, failures);
    }
    let opened_at = clock.now();
    let next_try = opened_at.saturating_add(60 * SECOND);
    let open = snapshot();
    assert_eq!((open.state, open.next_try), (Open, Some(next_try)));
    assert_eq!((open.failures, open.failures_threshold), (5, 5));
    let failure = open.last_failure.unwrap();
    assert_eq!((failure.at, failure.kind), (opened_at, "transient"));
    assert_eq!(failure.code.as_deref(), Some("mock"));
    assert_eq!(capacity(), Capacity::ClosedUntil(next_try));

    clock.advance(20 * SECOND);
    let error = bulk(&breaker).await.unwrap_err();
    let after = 40 * SECOND;
    assert_eq!(error.kind(), ProviderErrorKind::Throttled { after });
    assert_eq!(mock.call_count(), 5);

    clock.advance(40 * SECOND);
    assert_eq!(capacity(), Capacity::Upto(1));
    mock.set_always(MockAnswer::accept());
    bulk(&breaker).await.unwrap();
    assert_eq!((snapshot().state, snapshot().probes), (HalfOpen, 1));
    bulk(&breaker).await.unwrap();
    assert_eq!((snapshot().state, capacity()), (Closed, Capacity::Open));
    assert_eq!(
        changes(&events),
        [
            (Closed, Open, Some(BreakerCause::Failures)),
            (Open, HalfOpen, None),
            (HalfOpen, Closed, None),
        ]
    );
    let events = events.lock().unwrap();
    assert!(events[0].begins_outage() && !events[1].begins_outage());
    assert!(events[2].ends_outage() && !events[1].ends_outage());
}

#[tokio::test]
async fn while_a_probe_is_under_way_the_others_wait_a_second() {
    let clock = ManualClock::default();
    let mock = SmsMock::always(MockAnswer::unknown()).clock(clock.clone());
    let (breaker, _) = guarded(&mock, &clock, BreakerOptions::new());
    for _ in 0..5 {
        bulk(&breaker).await.unwrap_err();
    }
    clock.advance(60 * SECOND);
    mock.set_always(MockAnswer::accept().after(3 * SECOND));
    let breaker = Arc::new(breaker);
    let probing = breaker.clone();
    let probe = tokio::spawn(async move { bulk(&probing).await });
    while mock.call_count() == 5 {
        tokio::task::yield_now().await;
    }
    for _ in 0..10 {
        let error = urgent(&breaker).await.unwrap_err();
        let after = SECOND;
        assert_eq!(error.kind(), ProviderErrorKind::Throttled { after });
    }
    let then = clock.now().saturating_add(SECOND);
    assert_eq!(
        breaker.capacity(Priority::High, clock.now()),
        Capacity::ClosedUntil(then)
    );
    clock.advance(3 * SECOND);
    probe.await.unwrap().unwrap();
    assert_eq!(mock.call_count(), 6);
}

#[tokio::test]
async fn a_call_that_nobody_waited_for_is_a_failure_and_frees_the_probes_place() {
    let clock = ManualClock::default();
    let mock = SmsMock::always(MockAnswer::hang());
    let (breaker, events) = guarded(&mock, &clock, BreakerOptions::new().failures(1));
    let give_up = async |breaker: &CircuitBreaker<SmsMock>| {
        tokio::select! {
            biased;
            _ = bulk(breaker) => panic!("it hangs"),
            () = tokio::task::yield_now() => {}
        }
    };
    give_up(&breaker).await;
    assert_eq!(breaker.view().snapshots()[0].state, BreakerState::Open);
    clock.advance(60 * SECOND);
    give_up(&breaker).await;
    assert_eq!(changes(&events).len(), 3);
    clock.advance(60 * SECOND);
    mock.set_always(MockAnswer::accept());
    bulk(&breaker).await.unwrap();
}

#[tokio::test]
async fn wrong_settings_hold_the_provider_and_begin_one_outage() {
    let clock = ManualClock::default();
    let mock = SmsMock::always(MockAnswer::misconfigured());
    let (breaker, events) = guarded(&mock, &clock, BreakerOptions::new());
    for _ in 0..100 {
        // Held under the same name, so that the job waits as for the first answer.
        assert_eq!(short(bulk(&breaker).await), "misconfigured");
    }
    assert_eq!(mock.call_count(), 1);
    for _ in 0..30 {
        clock.advance(60 * SECOND);
        assert_eq!(short(bulk(&breaker).await), "misconfigured");
    }
    assert_eq!(mock.call_count(), 31);
    let outages = |events: &Events| {
        let events = events.lock().unwrap();
        events.iter().filter(|event| event.begins_outage()).count()
    };
    assert_eq!(outages(&events), 1);
    mock.set_always(MockAnswer::accept());
    clock.advance(60 * SECOND);
    bulk(&breaker).await.unwrap();
    bulk(&breaker).await.unwrap();
    mock.set_always(MockAnswer::misconfigured());
    bulk(&breaker).await.unwrap_err();
    assert_eq!(outages(&events), 2);
}

#[tokio::test]
async fn refusals_and_throttling_open_nothing() {
    let clock = ManualClock::default();
    let mock = SmsMock::with_rule(|_, context| match context.attempt % 3 {
        0 => MockAnswer::rejected(),
        1 => MockAnswer::rejected_here(),
        _ => MockAnswer::throttled(SECOND),
    });
    let (breaker, events) = guarded(&mock, &clock, BreakerOptions::new());
    for attempt in 0..300 {
        let mut context = context(Priority::Normal);
        context.attempt = attempt;
        let message = sms("0712345678");
        breaker.send(&message, &context).await.unwrap_err();
    }
    assert!(changes(&events).is_empty());
    assert_eq!(mock.call_count(), 300);
}

#[tokio::test]
async fn each_tenant_has_a_breaker_when_asked() {
    let clock = ManualClock::default();
    let mock = SmsMock::with_rule(|_, context| {
        match context.tenant.as_ref().map(|tenant| tenant.as_str()) {
            Some("broken") => MockAnswer::misconfigured(),
            _ => MockAnswer::accept(),
        }
    });
    let options = BreakerOptions::new().scope(BreakerScope::Tenant);
    let (breaker, events) = guarded(&mock, &clock, options);
    let send = async |tenant: &str| {
        let mut context = context(Priority::Normal);
        context.tenant = (!tenant.is_empty()).then(|| Tenant::new(tenant).unwrap());
        short(breaker.send(&sms("0712345678"), &context).await)
    };
    for _ in 0..10 {
        assert_eq!(send("broken").await, "misconfigured");
        assert_eq!(send("well").await, "mock");
        assert_eq!(send("").await, "mock");
    }
    assert_eq!(mock.call_count(), 21);
    assert_eq!(changes(&events).len(), 1);
    // Others go on, so the provider is open to the worker.
    assert_eq!(breaker.capacity(Priority::Low, clock.now()), Capacity::Open);
    let states: Vec<(Option<String>, BreakerState)> = (breaker.view().snapshots().into_iter())
        .map(|breaker| (breaker.tenant.map(|t| t.as_str().to_owned()), breaker.state))
        .collect();
    assert_eq!(
        states,
        [
            (None, BreakerState::Closed),
            (Some("broken".to_owned()), BreakerState::Open),
            (Some("well".to_owned()), BreakerState::Closed),
        ]
    );
}

#[tokio::test]
async fn stepping_clocks_move_no_breaker() {
    let clock = ManualClock::default();
    let mock = SmsMock::always(MockAnswer::transient());
    let (breaker, events) = guarded(&mock, &clock, BreakerOptions::new());
    for _ in 0..4 {
        bulk(&breaker).await.unwrap_err();
        step(&clock, -7_200);
    }
    assert!(changes(&events).is_empty());
    bulk(&breaker).await.unwrap_err();
    for seconds in [7_200, -86_400, 1_000_000] {
        step(&clock, seconds);
        let after = 60 * SECOND;
        let error = bulk(&breaker).await.unwrap_err();
        assert_eq!(error.kind(), ProviderErrorKind::Throttled { after });
        let next_try = breaker.view().snapshots()[0].next_try.unwrap();
        assert_eq!(next_try.since(clock.now()), after);
    }
    clock.advance(60 * SECOND);
    assert_eq!(short(bulk(&breaker).await), "transient");
    assert_eq!(mock.call_count(), 6);
}

#[tokio::test]
async fn a_flapping_provider_costs_no_more_than_its_probes() {
    let clock = ManualClock::default();
    // Works every other minute.
    let watch = clock.clone();
    let start = clock.uptime();
    let mock = SmsMock::with_rule(move |_, _| match (watch.uptime() - start) / 60_000 % 2 {
        0 => MockAnswer::transient(),
        _ => MockAnswer::accept(),
    });
    let (breaker, events) = guarded(&mock, &clock, BreakerOptions::new());
    let (mut sent, mut failed, mut held) = (0, 0, 0);
    for _ in 0..3_600 {
        match short(bulk(&breaker).await).as_str() {
            "mock" => sent += 1,
            "transient" => failed += 1,
            "throttled" => held += 1,
            other => panic!("{other}"),
        }
        clock.advance(SECOND);
    }
    // An hour: in each bad minute five failures open it, and the rest of it is waited out.
    assert!(sent > 1_500, "{sent}");
    assert!(failed <= 5 * 31, "{failed}");
    assert_eq!(sent + failed + held, 3_600);
    assert!(changes(&events).len() <= 3 * 31);
}

#[tokio::test]
async fn a_callback_that_panics_or_asks_back_harms_nothing() {
    let clock = ManualClock::default();
    let mock = SmsMock::always(MockAnswer::misconfigured());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = seen.clone();
    let slot: Arc<Mutex<Option<ProviderStack<SmsMessage>>>> = Arc::default();
    let inner = slot.clone();
    let stack = ProviderStack::builder()
        .guarded(Guarded::new(mock.clone()))
        .clock(clock.clone())
        .on_breaker(|_| panic!("a bug in the application"))
        .on_breaker(move |event| {
            let stack = inner.lock().unwrap().clone().unwrap();
            // It is as the event says, seen from inside the callback.
            assert_eq!(stack.breakers()[0].state, event.to());
            told.lock().unwrap().push(event.to());
        })
        .build();
    *slot.lock().unwrap() = Some(stack.clone());
    assert_eq!(short(bulk(&stack).await), "misconfigured");
    assert_eq!(*seen.lock().unwrap(), [BreakerState::Open]);
    // One job more or less is the same to it.
    let context = queue::provider::SendContext::new(JobId::new(), SECOND);
    let error = stack.send(&sms("0712345678"), &context).await.unwrap_err();
    assert_eq!(error.kind(), ProviderErrorKind::Misconfigured);
}
