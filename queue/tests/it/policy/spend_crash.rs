//! Counts and crashes: what may have been sent is never forgotten.

use std::time::Duration;

use queue::backend::{Backend, LeaseRequest};
use queue::job::Job;
use queue::policy::{Amount, Cap, CapScope, Period, SpendGuard};
use queue::provider::{
    Answer, Inquiry, Mock, MockAnswer, Provider, ProviderError, Receipt, SendContext,
};
use queue::sms::SmsMessage;
use queue::{BoxFuture, JobId, Queue, SmsJob, State, create_notification_sms_job};

use super::support::*;

/// How long the dead process's lease lasts.
const LEASE: Duration = Duration::from_secs(30);

fn guard(store: &Store, backend: &dyn Backend, messages: u64) -> SpendGuard {
    SpendGuard::builder(backend.records())
        .clock(store.clock.clone())
        .cap(Cap::new(
            CapScope::All,
            Amount::Messages(messages),
            Period::Day,
        ))
        .build()
        .unwrap()
}

/// A process that leases the only job, begins to send it, and dies before it hears an answer.
async fn dies_while_sending(store: &Store, messages: u64) -> JobId {
    let backend = store.opened_again().await;
    let delivery = backend.lease(lease_request()).await.unwrap().remove(0);
    assert_eq!(delivery.attempt, 1);
    let mut dying = context("notification");
    dying.job = delivery.envelope.id;
    let mock = Mock::new().then(MockAnswer::hang());
    let provider = guard(store, &*backend, messages).around(mock.clone());
    let sms = message(KENYAN);
    let called = async {
        while mock.call_count() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = provider.send(&sms, &dying) => panic!("a hanging provider answered"),
        () = called => {}
    }
    delivery.envelope.id
}

fn lease_request() -> LeaseRequest {
    LeaseRequest {
        queue: SmsJob::QUEUE,
        kinds: SmsJob::KINDS,
        max: 1,
        max_by_priority: [1; 4],
        visibility: LEASE,
        wait: Duration::ZERO,
        rate_limit: None,
        limits: Vec::new(),
    }
}

crate::store::on_each_store! {
    "current_thread": a_job_that_is_brought_back_counts_anew,
        an_attempt_that_the_provider_never_got_is_taken_back
}

mod shared {
    use super::*;
    crate::store::on_each_shared_store! {
        "current_thread": an_attempt_that_died_stays_counted_and_the_next_counts_once,
            room_that_a_dead_process_took_is_not_given_to_others,
            a_cap_that_was_reached_is_reached_after_a_restart
    }
}

async fn an_attempt_that_died_stays_counted_and_the_next_counts_once(store: Store) {
    create_notification_sms_job(&store.queue, notification(KENYAN))
        .await
        .unwrap();
    let job = dies_while_sending(&store, 3).await;

    let backend = store.opened_again().await;
    let mock = Mock::new();
    let provider = guard(&store, &*backend, 3).around(mock.clone());
    // The second attempt, by the worker that recovers it once the lease of the first ended.
    store.queue.advance(LEASE * 2);
    assert_eq!(store.queue.drain(&provider).await.completed, 1);
    let view = store.queue.job(job).await.unwrap().unwrap();
    assert_eq!((view.state, view.attempt), (State::Completed, 2));
    // Two attempts are two of three.
    for goes in [true, false] {
        let answer = provider
            .send(&message(KENYAN), &context("notification"))
            .await;
        assert_eq!(answer.is_ok(), goes);
    }
}

async fn room_that_a_dead_process_took_is_not_given_to_others(store: Store) {
    create_notification_sms_job(&store.queue, notification(KENYAN))
        .await
        .unwrap();
    let job = dies_while_sending(&store, 1).await;
    let backend = store.opened_again().await;
    let mock = Mock::new();
    let provider = guard(&store, &*backend, 1).around(mock.clone());
    for _ in 0..3 {
        store.queue.advance(LEASE * 2);
        store.queue.run_due(&provider).await;
    }
    assert_eq!(
        (store.state(job).await, mock.call_count()),
        (State::Snoozed, 0)
    );
    assert!(store.reason(job).await.contains("spend_cap"));
    store.queue.advance(Duration::from_secs(25 * 3600));
    assert_eq!(store.queue.run_due(&provider).await.completed, 1);
}

async fn a_job_that_is_brought_back_counts_anew(store: Store) {
    let records = store.records();
    let guard = SpendGuard::builder(records).clock(store.clock.clone());
    let guard = guard
        .cap(Cap::new(CapScope::All, Amount::Messages(5), Period::Day))
        .build()
        .unwrap();
    let unknowns = Mock::always(MockAnswer::unknown());
    let provider = guard.around(unknowns.clone());
    let job = create_notification_sms_job(&store.queue, notification(KENYAN))
        .await
        .unwrap();
    store.queue.drain(&provider).await;
    assert_eq!(
        (store.state(job.job_id).await, unknowns.call_count()),
        (State::Dead, 3)
    );
    // Its attempts begin at one again, and two of the five are left.
    store.queue.requeue(job.job_id).await.unwrap();
    for _ in 0..8 {
        store.queue.run_due(&provider).await;
        store.queue.advance(Duration::from_secs(60));
    }
    assert_eq!(unknowns.call_count(), 5);
    assert_eq!(store.state(job.job_id).await, State::Snoozed);
}

async fn an_attempt_that_the_provider_never_got_is_taken_back(store: Store) {
    struct Forgetful;
    impl Provider<SmsMessage> for Forgetful {
        fn name(&self) -> &str {
            "forgetful"
        }

        fn send<'a>(
            &'a self,
            _: &'a SmsMessage,
            _: &'a SendContext,
        ) -> BoxFuture<'a, Result<Receipt, ProviderError>> {
            Box::pin(async { Err(ProviderError::unknown("no answer")) })
        }

        fn inquire<'a>(
            &'a self,
            _: &'a Inquiry<'a, SmsMessage>,
        ) -> BoxFuture<'a, Result<Answer, ProviderError>> {
            Box::pin(async { Ok(Answer::NotSent) })
        }
    }

    let guard = SpendGuard::builder(store.records()).clock(store.clock.clone());
    let guard = guard
        .cap(Cap::new(CapScope::All, Amount::Messages(1), Period::Day))
        .build()
        .unwrap();
    let (provider, sms, first) = (guard.around(Forgetful), message(KENYAN), context("otp"));
    assert_eq!(code(provider.send(&sms, &first).await), "none");
    assert_eq!(
        code(provider.send(&sms, &context("otp")).await),
        "spend_cap"
    );
    let now = queue::clock::Clock::now(&store.clock);
    let inquiry = Inquiry::new(first.job, 1, now, &sms, Duration::from_secs(10));
    assert_eq!(provider.inquire(&inquiry).await.unwrap(), Answer::NotSent);
    assert!(
        guard
            .around(Mock::new())
            .send(&sms, &context("otp"))
            .await
            .is_ok()
    );
    // Asked twice, it is taken back once.
    assert_eq!(provider.inquire(&inquiry).await.unwrap(), Answer::NotSent);
    assert_eq!(
        code(guard.around(Mock::new()).send(&sms, &context("otp")).await),
        "spend_cap"
    );
}

async fn a_cap_that_was_reached_is_reached_after_a_restart(store: Store) {
    let (sms, mock) = (message(KENYAN), Mock::new());
    for goes in [true, false] {
        let backend = store.opened_again().await;
        let queue = Queue::<SmsJob>::builder()
            .clock(store.clock.clone())
            .over(backend.clone());
        let provider = guard(&store, &*backend, 1).around(mock.clone());
        assert_eq!(provider.send(&sms, &context("otp")).await.is_ok(), goes);
        queue.close().await.unwrap();
    }
    assert_eq!(mock.call_count(), 1);
}
