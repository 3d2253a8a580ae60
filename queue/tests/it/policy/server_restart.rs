//! What a NATS server keeps of policies when it is killed.

use std::sync::Arc;

use queue::clock::{Clock, ManualClock};
use queue::job::Address;
use queue::policy::{
    Amount, Cap, CapScope, Period, SpendGuard, Suppress, Suppression, SuppressionReason,
};
use queue::provider::Mock;

use super::support::*;
use crate::records_elsewhere::RecordsElsewhere;

#[tokio::test]
async fn opt_outs_and_counts_survive_a_killed_server() {
    let clock = ManualClock::default();
    let store = Arc::new(RecordsElsewhere::start(&clock).await);
    let records = queue::backend::Backend::records(&*store);
    let list = Suppression::new(records.clone()).clock(clock.clone());
    let stop = Suppress::address("sms", &number(KENYAN), SuppressionReason::OptedOut);
    list.add(stop).await.unwrap();
    let cap = Cap::new(CapScope::All, Amount::Messages(3), Period::Day);
    let guard = SpendGuard::builder(records).clock(clock.clone()).cap(cap);
    let guard = guard.build().unwrap();
    let provider = guard.around(Mock::new());
    assert_eq!(sent(&provider, OTHER, 2).await, 2);
    let before = guard.snapshot().await.unwrap();

    store.restart_server().await;
    let entry = list.check(&number(KENYAN).key("sms"), None).await.unwrap();
    assert_eq!(entry.unwrap().since, clock.now());
    assert_eq!(guard.snapshot().await.unwrap(), before);
    assert_eq!(
        sent(&provider, OTHER, 5).await,
        1,
        "what is left of the cap"
    );
}
