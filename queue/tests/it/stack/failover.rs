//! Which provider a message goes through, and which one after that.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use queue::clock::{Clock, ManualClock};
use queue::job::UnknownPolicy;
use queue::provider::stack::{Failover, Guarded, Order, ProviderStack, Spill, Target};
use queue::provider::{Capacity, MockAnswer, Provider, ProviderErrorKind};
use queue::sms::SmsMessage;
use queue::{JobId, Priority};

use super::support::*;

fn pair() -> (SmsMock, SmsMock) {
    (
        SmsMock::new().named("first"),
        SmsMock::new().named("second"),
    )
}

fn stack(first: &SmsMock, second: &SmsMock, clock: &ManualClock) -> ProviderStack<SmsMessage> {
    ProviderStack::builder()
        .provider(first.clone())
        .provider(second.clone())
        .clock(clock.clone())
        .build()
}

#[tokio::test]
async fn while_the_first_is_down_codes_go_through_the_second_and_the_rest_waits() {
    let clock = ManualClock::default();
    let (first, second) = pair();
    let stack = stack(&first, &second, &clock);
    first.set_always(MockAnswer::transient());
    // Surely not sent, so everybody may go on at once, until the breaker opens.
    for _ in 0..5 {
        assert_eq!(short(urgent(&stack).await), "second");
    }
    for _ in 0..20 {
        assert_eq!(short(urgent(&stack).await), "second");
        let error = bulk(&stack).await.unwrap_err();
        let after = 60 * SECOND;
        assert_eq!(error.kind(), ProviderErrorKind::Throttled { after });
    }
    assert_eq!((first.call_count(), second.call_count()), (5, 25));

    // A message whose deadline is before the next try can't wait either.
    let mut late = context(Priority::Low);
    late.deadline = Some(clock.now().saturating_add(59 * SECOND));
    let message = sms("0712345678");
    assert_eq!(short(stack.send(&message, &late).await), "second");
    late.deadline = Some(clock.now().saturating_add(61 * SECOND));
    assert_eq!(short(stack.send(&message, &late).await), "throttled");

    clock.advance(60 * SECOND);
    first.set_always(MockAnswer::accept());
    assert_eq!(short(bulk(&stack).await), "first");
    assert_eq!(short(bulk(&stack).await), "first");
    assert_eq!(short(urgent(&stack).await), "first");
}

#[tokio::test]
async fn what_may_have_been_sent_goes_to_nobody_else_unless_doubles_are_allowed() {
    let clock = ManualClock::default();
    for (policy, expected) in [
        (UnknownPolicy::Stop, "unknown"),
        (UnknownPolicy::Ask, "unknown"),
        (UnknownPolicy::Retry, "second"),
    ] {
        let (first, second) = pair();
        first.set_always(MockAnswer::unknown().after_accepting());
        let stack = stack(&first, &second, &clock);
        let mut context = context(Priority::High);
        context.unknown = policy;
        let answer = stack.send(&sms("0712345678"), &context).await;
        assert_eq!(short(answer), expected, "{policy:?}");
        let sends = first.sent_count() + second.sent_count();
        assert_eq!(sends, 1 + usize::from(policy == UnknownPolicy::Retry));
    }
    // Also when the second one fails for sure: the first may have sent it.
    let (first, second) = pair();
    first.set_always(MockAnswer::unknown());
    second.set_always(MockAnswer::rejected());
    let mut context = context(Priority::High);
    context.unknown = UnknownPolicy::Retry;
    let stack = stack(&first, &second, &clock);
    let answer = stack.send(&sms("0712345678"), &context).await;
    assert_eq!(short(answer), "unknown");
}

#[tokio::test]
async fn a_refusal_goes_on_only_where_another_network_may_help() {
    let clock = ManualClock::default();
    for (answer, expected, calls) in [
        (MockAnswer::rejected(), "rejected", 0),
        (MockAnswer::opted_out(), "rejected", 0),
        (MockAnswer::rejected_here(), "second", 1),
        (MockAnswer::misconfigured(), "second", 1),
        (MockAnswer::transient(), "second", 1),
    ] {
        let (first, second) = pair();
        first.set_always(answer);
        let stack = stack(&first, &second, &clock);
        assert_eq!(short(bulk(&stack).await), expected);
        assert_eq!(second.call_count(), calls);
    }
}

#[tokio::test]
async fn numbers_are_routed_by_prefix_and_country() {
    let (safaricom, kenya) = (
        SmsMock::new().named("safaricom"),
        SmsMock::new().named("kenya"),
    );
    let world = SmsMock::new().named("world");
    let failover = |mocks: [&SmsMock; 3]| {
        let [safaricom, kenya, world] = mocks.map(|mock| Target::new(mock.clone()));
        Failover::new([
            safaricom.prefixes(["+25471", "+25472"]),
            kenya.countries(["KE".parse().unwrap()]),
            world.serves(|message: &SmsMessage| !message.recipient.as_e164().starts_with("+255")),
        ])
    };
    let stack = failover([&safaricom, &kenya, &world]);
    for (number, expected) in [
        ("+254712345678", "safaricom"),
        ("+254733345678", "kenya"),
        ("+256772345678", "world"),
        // Nobody serves it.
        ("+255752345678", "rejected"),
    ] {
        let answer = stack.send(&sms(number), &context(Priority::Normal)).await;
        assert_eq!(short(answer), expected, "{number}");
    }
    // One that does not serve a number is no help either.
    kenya.set_always(MockAnswer::transient());
    world.set_always(MockAnswer::transient());
    let answer = stack
        .send(&sms("+254733345678"), &context(Priority::High))
        .await;
    assert_eq!(short(answer), "transient");
    assert_eq!(safaricom.call_count(), 1);
    assert_eq!(stack.name(), "safaricom+kenya+world");
}

#[tokio::test]
async fn the_cheapest_is_asked_first_and_by_chance_as_often_as_it_weighs() {
    let (first, second) = pair();
    let cheapest = Failover::new([
        Target::new(first.clone()).segment_cost(80),
        // Dear to reach, cheap for what is long.
        Target::new(second.clone())
            .cost(|message: &SmsMessage| 100 + 10 * u64::from(message.text.segments())),
    ])
    .order(Order::Cheapest);
    assert_eq!(short(bulk(&cheapest).await), "first");
    let long = queue::SmsText::new("x".repeat(200)).unwrap();
    let long = SmsMessage::new("0712345678".parse().unwrap(), long);
    let answer = cheapest.send(&long, &context(Priority::Normal)).await;
    assert_eq!(short(answer), "second");

    let weighted = Failover::new([
        Target::new(first.clone()).weight(3),
        Target::new(second.clone()).weight(1),
        Target::new(SmsMock::new().named("reserve")).weight(0),
    ])
    .order(Order::Weighted);
    let mut counts: HashMap<String, usize> = HashMap::new();
    let message = sms("0712345678");
    for n in 0..4_000_u128 {
        let mut context = context(Priority::Low);
        context.job = JobId::from_bytes((n * 0x9e37_79b9_7f4a_7c15).to_be_bytes());
        let chosen = short(weighted.send(&message, &context).await);
        // The same job, the same provider.
        assert_eq!(short(weighted.send(&message, &context).await), chosen);
        *counts.entry(chosen).or_default() += 1;
    }
    assert!((2_850..=3_150).contains(&counts["first"]), "{counts:?}");
    assert_eq!(counts.get("reserve"), None);
    first.set_always(MockAnswer::throttled(SECOND));
    second.set_always(MockAnswer::transient());
    // Equals: nobody waits for one of them.
    assert_eq!(short(bulk(&weighted).await), "reserve");
}

#[tokio::test]
async fn time_is_shared_so_that_one_that_hangs_leaves_some_for_the_next() {
    let clock = ManualClock::default();
    let first = SmsMock::always(MockAnswer::hang()).named("first");
    let second = SmsMock::new().named("second").clock(clock.clone());
    second.push(MockAnswer::accept().after(2 * SECOND));
    let stack = stack(&first, &second, &clock);
    let mut context = context(Priority::High);
    context.unknown = UnknownPolicy::Retry;
    let began = clock.uptime();
    let sending = stack.clone();
    let send = tokio::spawn(async move { sending.send(&sms("0712345678"), &context).await });
    while !send.is_finished() {
        clock.advance(SECOND / 10);
        tokio::task::yield_now().await;
    }
    assert_eq!(short(send.await.unwrap()), "second");
    let took = Duration::from_millis(clock.uptime() - began);
    assert!((7 * SECOND..8 * SECOND).contains(&took), "{took:?}");
    // Each is told its share, and the second all that is left.
    assert_eq!(first.calls()[0].context.timeout, 5 * SECOND);
    let left = second.calls()[0].context.timeout;
    assert!(left > 4 * SECOND && left < 5 * SECOND, "{left:?}");
}

#[tokio::test]
async fn nobody_is_asked_after_the_deadline() {
    let clock = ManualClock::default();
    let (first, second) = pair();
    let late = clock.clone();
    let first = first.clone();
    first.push(MockAnswer::transient());
    let mut context = context(Priority::High);
    context.deadline = Some(clock.now());
    let stack = stack(&first, &second, &late);
    let answer = stack.send(&sms("0712345678"), &context).await;
    assert_eq!(short(answer), "transient");
    assert_eq!((first.call_count(), second.call_count()), (1, 0));
}

#[tokio::test]
async fn when_two_providers_fail_in_turn_a_code_waits_for_the_next_probe_at_most() {
    let clock = ManualClock::default();
    // Each is dead every other five minutes, never both.
    let start = clock.uptime();
    let dead_when = |turn: u64| {
        let watch = clock.clone();
        move |_: &SmsMessage, _: &queue::provider::SendContext| match (watch.uptime() - start)
            / 300_000
            % 2
            == turn
        {
            true => MockAnswer::transient(),
            false => MockAnswer::accept(),
        }
    };
    let first = SmsMock::with_rule(dead_when(0)).named("first");
    let second = SmsMock::with_rule(dead_when(1)).named("second");
    let changes = Arc::new(AtomicU64::new(0));
    let told = changes.clone();
    let stack = ProviderStack::builder()
        .provider(first.clone())
        .provider(second.clone())
        .clock(clock.clone())
        .on_breaker(move |_| {
            told.fetch_add(1, Ordering::Relaxed);
        })
        .build();
    let (mut lost, mut in_row, mut longest) = (0, 0, 0);
    for _ in 0..3_600 {
        match urgent(&stack).await {
            Ok(_) => in_row = 0,
            Err(_) => (lost, in_row) = (lost + 1, in_row + 1),
        }
        longest = longest.max(in_row);
        clock.advance(SECOND);
    }
    // When the second one dies at the very moment at which the first one is back, that is not known before the next probe.
    assert!(longest <= 60, "{longest}");
    assert!(lost <= 6 * 60, "{lost}");
    assert_eq!(first.sent_count() + second.sent_count(), 3_600 - lost);
    // Five failures and a few probes in each dead phase of the first.
    assert!(first.call_count() - first.sent_count() <= 6 * 10);
    assert!(changes.load(Ordering::Relaxed) < 100);
}

#[tokio::test]
async fn a_worker_is_told_what_urgent_and_other_messages_may_use() {
    let clock = ManualClock::default();
    let (first, second) = pair();
    let stack = stack(&first, &second, &clock);
    let capacity = |priority| stack.capacity(priority, clock.now());
    let at = |seconds| Capacity::ClosedUntil(clock.now().saturating_add(seconds * SECOND));
    first.set_capacity(Capacity::Upto(2));
    second.set_capacity(Capacity::Upto(3));
    assert_eq!(capacity(Priority::Critical), Capacity::Upto(5));
    assert_eq!(capacity(Priority::Normal), Capacity::Upto(2));
    // A moment is waited for …
    first.set_capacity(at(2));
    assert_eq!(capacity(Priority::High), Capacity::Upto(3));
    assert_eq!(capacity(Priority::Low), at(2));
    // … and for longer each message is looked at: its deadline may not allow it.
    first.set_capacity(at(60));
    assert_eq!(capacity(Priority::Low), Capacity::Upto(3));
    second.set_capacity(at(30));
    assert_eq!(capacity(Priority::Low), at(30));

    let spills = ProviderStack::builder()
        .provider(first)
        .provider(second.clone())
        .spill(Spill::All)
        .clock(clock.clone())
        .build();
    second.set_capacity(Capacity::Open);
    assert_eq!(spills.capacity(Priority::Low, clock.now()), Capacity::Open);
}

#[tokio::test]
async fn a_stack_without_providers_rejects_and_one_without_breakers_has_none() {
    let empty = ProviderStack::<SmsMessage>::builder().build();
    assert_eq!(short(urgent(&empty).await), "rejected");
    let mock = SmsMock::always(MockAnswer::transient());
    let bare = ProviderStack::builder()
        .guarded(Guarded::new(mock.clone()).without_breaker())
        .build();
    for _ in 0..20 {
        bulk(&bare).await.unwrap_err();
    }
    assert_eq!((mock.call_count(), bare.breakers().len()), (20, 0));
}
