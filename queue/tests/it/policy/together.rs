//! All policies around one provider, in their order.

use std::time::Duration;

use queue::policy::{
    Amount, Cap, CapScope, Period, QuietHours, SendWindows, SpendGuard, Suppress, Suppression,
    SuppressionReason,
};
use queue::provider::stack::ProviderStack;
use queue::provider::{Mock, Provider};
use queue::sms::SmsMessage;
use queue::{State, create_notification_sms_job};

use super::support::*;

fn all(store: &Store, mock: &Mock<SmsMessage>) -> impl Provider<SmsMessage> + Clone + use<> {
    let clock = store.clock.clone();
    let stack = ProviderStack::builder()
        .clock(clock.clone())
        .provider(mock.clone())
        .build();
    let guard = SpendGuard::builder(store.records())
        .clock(clock.clone())
        .cap(Cap::new(CapScope::All, Amount::Messages(1), Period::Day))
        .build()
        .unwrap();
    let night = QuietHours::new(SendWindows::quiet("21:00", "08:00").unwrap()).clock(clock.clone());
    let list = Suppression::new(store.records()).clock(clock);
    list.around(night.around(guard.around(stack)))
}

crate::store::on_each_store! {
    "current_thread": what_is_refused_or_put_off_is_not_counted,
        who_opts_out_while_a_job_waits_gets_nothing
}

async fn what_is_refused_or_put_off_is_not_counted(store: Store) {
    store
        .queue
        .advance_to(moment("Africa/Nairobi", "2026-01-05T23:00"));
    let list = Suppression::new(store.records()).clock(store.clock.clone());
    let stop = Suppress::address("sms", &number(OTHER), SuppressionReason::OptedOut);
    list.add(stop).await.unwrap();
    let mock = Mock::new();
    let provider = all(&store, &mock);
    let suppressed = create_notification_sms_job(&store.queue, notification(OTHER))
        .await
        .unwrap();
    let asleep = create_notification_sms_job(&store.queue, notification(KENYAN))
        .await
        .unwrap();
    store.queue.run_due(&provider).await;
    // An opt-out is final at any hour: nobody waits for the morning to be refused.
    assert_eq!(store.state(suppressed.job_id).await, State::Dead);
    assert_eq!(store.state(asleep.job_id).await, State::Snoozed);
    store
        .queue
        .advance_to(moment("Africa/Nairobi", "2026-01-06T08:05"));
    // There is room for one, and neither of the two took it.
    assert_eq!(store.queue.run_due(&provider).await.completed, 1);
    assert_eq!(store.state(asleep.job_id).await, State::Completed);
    let second = create_notification_sms_job(&store.queue, notification(KENYAN))
        .await
        .unwrap();
    store.queue.run_due(&provider).await;
    assert!(store.reason(second.job_id).await.contains("spend_cap"));
    assert_eq!(mock.call_count(), 1);
}

async fn who_opts_out_while_a_job_waits_gets_nothing(store: Store) {
    store
        .queue
        .advance_to(moment("Africa/Nairobi", "2026-01-05T23:00"));
    let mock = Mock::new();
    let provider = all(&store, &mock);
    let job = create_notification_sms_job(&store.queue, notification(KENYAN))
        .await
        .unwrap();
    store.queue.run_due(&provider).await;
    let list = Suppression::new(store.records()).clock(store.clock.clone());
    let stop = Suppress::address("sms", &number(KENYAN), SuppressionReason::OptedOut);
    list.add(stop).await.unwrap();
    store.queue.advance(Duration::from_secs(12 * 3600));
    store.queue.run_due(&provider).await;
    assert_eq!(
        (store.state(job.job_id).await, mock.call_count()),
        (State::Dead, 0)
    );
}
