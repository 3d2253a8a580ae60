//! A provider's rate, and its holds.

use proptest::prelude::*;
use queue::Priority;
use queue::clock::{Clock, ManualClock};
use queue::provider::stack::{HOLD_JITTER, HOLD_MAX, HOLD_MIN, Throttle};
use queue::provider::{Capacity, MockAnswer, Provider, ProviderErrorKind};

use super::support::*;

fn wait(answer: Result<queue::provider::Receipt, queue::provider::ProviderError>) -> u64 {
    match answer.unwrap_err().kind() {
        ProviderErrorKind::Throttled { after } => u64::try_from(after.as_millis()).unwrap(),
        other => panic!("not throttled but {other:?}"),
    }
}

#[tokio::test]
async fn what_is_over_the_rate_is_told_when_and_never_waits() {
    let clock = ManualClock::default();
    let mock = SmsMock::new();
    let throttle = Throttle::new(mock.clone())
        .rate(2, SECOND)
        .clock(clock.clone());
    let capacity = || throttle.capacity(Priority::Normal, clock.now());
    assert_eq!(capacity(), Capacity::Upto(2));
    bulk(&throttle).await.unwrap();
    clock.advance(SECOND / 4);
    bulk(&throttle).await.unwrap();
    assert_eq!(wait(bulk(&throttle).await), 750);
    let then = clock.now().saturating_add(3 * SECOND / 4);
    assert_eq!(capacity(), Capacity::ClosedUntil(then));
    clock.advance(3 * SECOND / 4);
    assert_eq!(capacity(), Capacity::Upto(1));
    bulk(&throttle).await.unwrap();
    assert_eq!(wait(bulk(&throttle).await), 250);
    mock.assert_sent_count(3);
}

#[tokio::test]
async fn a_campaign_that_uses_up_the_rate_leaves_a_tenth_of_it_for_codes() {
    let clock = ManualClock::default();
    let mock = SmsMock::new();
    let throttle = Throttle::new(mock.clone())
        .rate(20, SECOND)
        .clock(clock.clone());
    let capacity = |priority| throttle.capacity(priority, clock.now());
    assert_eq!(capacity(Priority::Low), Capacity::Upto(18));
    for _ in 0..18 {
        bulk(&throttle).await.unwrap();
    }
    assert_eq!(wait(bulk(&throttle).await), 1_000);
    let then = clock.now().saturating_add(SECOND);
    assert_eq!(capacity(Priority::Normal), Capacity::ClosedUntil(then));
    assert_eq!(capacity(Priority::High), Capacity::Upto(2));
    for _ in 0..2 {
        urgent(&throttle).await.unwrap();
    }
    // The rate is the rate, for everybody.
    assert_eq!(wait(urgent(&throttle).await), 1_000);
    mock.assert_sent_count(20);
}

#[tokio::test]
async fn one_throttled_answer_holds_all_messages_until_its_moment() {
    let clock = ManualClock::default();
    let mock = SmsMock::new().then(MockAnswer::throttled(10 * SECOND));
    let throttle = Throttle::new(mock.clone()).clock(clock.clone());
    bulk(&throttle).await.unwrap_err();
    // Nobody asks the provider any more, whoever wants to send.
    for _ in 0..50 {
        let wait = wait(urgent(&throttle).await);
        assert!((10_000..=11_000).contains(&wait), "{wait}");
    }
    assert_eq!(mock.call_count(), 1);
    clock.advance(10 * SECOND - SECOND / 1000);
    wait(bulk(&throttle).await);
    clock.advance(SECOND + SECOND / 1000);
    bulk(&throttle).await.unwrap();
    assert_eq!(mock.call_count(), 2);
}

#[tokio::test]
async fn a_stepped_wall_clock_neither_shortens_nor_lengthens_a_hold() {
    let clock = ManualClock::default();
    let mock = SmsMock::new().then(MockAnswer::throttled(10 * SECOND));
    let throttle = Throttle::new(mock).rate(100, SECOND).clock(clock.clone());
    bulk(&throttle).await.unwrap_err();
    for seconds in [-86_400, 86_400, 3_600] {
        step(&clock, seconds);
        let wait = wait(bulk(&throttle).await);
        assert!((10_000..=11_000).contains(&wait), "{wait}");
        let Capacity::ClosedUntil(at) = throttle.capacity(Priority::Low, clock.now()) else {
            panic!("it is held");
        };
        assert!((10 * SECOND..=11 * SECOND).contains(&at.since(clock.now())));
    }
    clock.advance(11 * SECOND);
    bulk(&throttle).await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a provider asks for, the hold is at least that, within its bounds, and at most a tenth more.
    #[test]
    fn holds_are_clamped_and_lengthened_a_little(millis in prop_oneof![0_u64..10_000, any::<u64>()]) {
        let asked = std::time::Duration::from_millis(millis);
        let clock = ManualClock::default();
        let mock = SmsMock::new().then(MockAnswer::throttled(asked));
        let throttle = Throttle::new(mock).clock(clock);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let held = runtime.block_on(async {
            bulk(&throttle).await.unwrap_err();
            std::time::Duration::from_millis(wait(bulk(&throttle).await))
        });
        let clamped = asked.clamp(HOLD_MIN, HOLD_MAX);
        prop_assert!(held >= clamped, "{held:?} for {asked:?}");
        prop_assert!(held <= clamped.mul_f64(1.0 + HOLD_JITTER), "{held:?} for {asked:?}");
    }
}
