//! The tracker: reports early, late, twice, out of order and about nothing.

use std::sync::Arc;

use queue::backend::{BackendErrorKind, Lagged};
use queue::clock::Clock;
use queue::delivery::{
    Applied, Deliveries, DeliveryFailure, DeliveryReport, DeliveryStatus, EARLY_AGE,
    EARLY_REPORTS_MAX, RETENTION_DEFAULT, RETENTION_MIN,
};
use queue::job::RecipientKey;
use queue::{JobId, Queue, SmsJob};

use crate::store::Store;

use super::support::{HOUR, Observer, Shared, changed, only, receipt, report, status, told};
use DeliveryStatus::{Accepted, Delivered, Expired, Failed, Sent, Unknown};

crate::store::on_each_store! {
    "current_thread": a_report_finds_its_job_and_attempt,
        reports_move_a_message_forward_only,
        a_report_that_is_faster_than_its_receipt_is_kept,
        a_report_about_nothing_is_forgotten_after_an_hour,
        reports_about_nothing_do_not_fill_the_store,
        what_can_not_be_an_id_is_dropped,
        an_attempt_in_doubt_is_decided_by_a_report_that_names_it,
        a_job_that_was_sent_twice_says_so,
        what_is_known_is_forgotten_in_the_end,
        reports_that_come_at_once_are_told_once,
        a_receipt_and_its_report_at_once_lose_nothing,
        a_report_that_an_observer_could_not_take_comes_again,
        a_slow_reader_is_told_how_much_it_missed
}

async fn a_report_finds_its_job_and_attempt(store: Store) {
    let queue = &store.queue;
    let deliveries = Deliveries::of(queue).build();
    let job = JobId::new();
    assert_eq!(deliveries.job(job).await.unwrap(), None);
    let key = RecipientKey::new("sms", "+254712345678");
    let receipt = receipt("1").segments(3);
    deliveries
        .accepted(job, 2, &receipt, Some(key))
        .await
        .unwrap();
    queue.advance(HOUR);

    let failed = DeliveryReport::failed("p", "1", DeliveryFailure::Number).code("AbsentSubscriber");
    let event = changed(deliveries.apply(failed).await.unwrap());
    assert_eq!(event.previous, Some(Accepted));

    let known = only(&deliveries, job).await;
    assert_eq!(known, event.message);
    assert_eq!((known.job, known.attempt, known.segments), (job, 2, 3));
    assert_eq!(
        (known.status, known.failure),
        (Failed, Some(DeliveryFailure::Number))
    );
    assert_eq!(known.code.as_deref(), Some("AbsentSubscriber"));
    assert_eq!(known.recipient, Some(key));
    assert_eq!(known.changed_at.since(known.accepted_at), HOUR);
    assert_eq!(
        deliveries.message("p", "1").await.unwrap(),
        Some(known.clone())
    );
    assert_eq!(deliveries.message("q", "1").await.unwrap(), None);
    // The key stays out of what is printed or served.
    let json = serde_json::to_string(&known).unwrap();
    assert!(!json.contains(&key.to_hex()) && json.contains("AbsentSubscriber"));
    assert!(!format!("{known:?}").contains(&key.to_hex()));
}

async fn reports_move_a_message_forward_only(store: Store) {
    let queue = &store.queue;
    let deliveries = Deliveries::of(queue).build();
    let job = JobId::new();
    let mut events = deliveries.subscribe();
    deliveries
        .accepted(job, 1, &receipt("1"), None)
        .await
        .unwrap();
    let ignored = |status| Applied::Ignored { status };
    for (reported, expected) in [
        (Accepted, Some(ignored(Accepted))),
        (Sent, None),
        (Sent, Some(ignored(Sent))),
        (Unknown, None),
        (Sent, Some(ignored(Unknown))),
        (Delivered, None),
        (Delivered, Some(ignored(Delivered))),
        (Failed, Some(ignored(Delivered))),
        (Expired, Some(ignored(Delivered))),
        (Sent, Some(ignored(Delivered))),
    ] {
        let applied = deliveries.apply(report("1", reported)).await.unwrap();
        match expected {
            Some(expected) => assert_eq!(applied, expected, "{reported}"),
            None => assert_eq!(changed(applied).message.status, reported),
        }
    }
    assert_eq!(
        told(&mut events, 4).await,
        [Accepted, Sent, Unknown, Delivered]
    );
    // A receipt that is recorded again, after the reports, changes nothing.
    deliveries
        .accepted(job, 1, &receipt("1"), None)
        .await
        .unwrap();
    assert_eq!(status(&deliveries, job).await, Delivered);
}

async fn a_report_that_is_faster_than_its_receipt_is_kept(store: Store) {
    let queue = &store.queue;
    let observer = Arc::new(Observer::default());
    let deliveries = Deliveries::of(queue)
        .observer(Shared(observer.clone()))
        .build();
    let mut events = deliveries.subscribe();
    let early = [report("1", Sent), report("1", Delivered)];
    for report in early {
        assert_eq!(deliveries.apply(report).await.unwrap(), Applied::Early);
    }
    let again = deliveries.apply(report("1", Sent)).await.unwrap();
    assert_eq!(again, Applied::Ignored { status: Delivered });
    assert_eq!(deliveries.message("p", "1").await.unwrap(), None);
    assert!(observer.told.lock().await.is_empty());

    let job = JobId::new();
    deliveries
        .accepted(job, 1, &receipt("1"), None)
        .await
        .unwrap();
    assert_eq!(status(&deliveries, job).await, Delivered);
    assert_eq!(told(&mut events, 1).await, [Delivered]);
    let observed = observer.told.lock().await;
    assert_eq!(observed.len(), 1);
    assert_eq!((observed[0].previous, observed[0].message.job), (None, job));
}

async fn a_report_about_nothing_is_forgotten_after_an_hour(store: Store) {
    let queue = &store.queue;
    let deliveries = Deliveries::of(queue).build();
    let applied = deliveries.apply(report("1", Delivered)).await.unwrap();
    assert_eq!(applied, Applied::Early);
    queue.advance(EARLY_AGE);
    let job = JobId::new();
    deliveries
        .accepted(job, 1, &receipt("1"), None)
        .await
        .unwrap();
    assert_eq!(status(&deliveries, job).await, Accepted);
}

async fn reports_about_nothing_do_not_fill_the_store(store: Store) {
    let queue = &store.queue;
    let deliveries = Deliveries::of(queue).build();
    let mut tasks = tokio::task::JoinSet::new();
    for part in 0..8 {
        let deliveries = deliveries.clone();
        tasks.spawn(async move {
            let mut early = 0;
            for n in (part..EARLY_REPORTS_MAX + 80).step_by(8) {
                match deliveries
                    .apply(report(&n.to_string(), Sent))
                    .await
                    .unwrap()
                {
                    Applied::Early => early += 1,
                    Applied::Dropped => {}
                    other => panic!("{other:?}"),
                }
            }
            early
        });
    }
    let kept: u64 = tasks.join_all().await.into_iter().sum();
    assert_eq!(kept, EARLY_REPORTS_MAX);
    // Reports about our own messages still count, and a new hour has a new budget.
    let job = JobId::new();
    deliveries
        .accepted(job, 1, &receipt("ours"), None)
        .await
        .unwrap();
    changed(deliveries.apply(report("ours", Delivered)).await.unwrap());
    queue.advance(EARLY_AGE);
    let applied = deliveries.apply(report("later", Sent)).await.unwrap();
    assert_eq!(applied, Applied::Early);
}

async fn what_can_not_be_an_id_is_dropped(store: Store) {
    let queue = &store.queue;
    let deliveries = Deliveries::of(queue).build();
    let long = "1".repeat(129);
    for id in ["", "a b", "a\n", "\u{0}", "é", &long] {
        let applied = deliveries.apply(report(id, Delivered)).await.unwrap();
        assert_eq!(applied, Applied::Dropped, "{id:?}");
    }
    // A receipt with such an id is of a message without one.
    let job = JobId::new();
    deliveries
        .accepted(job, 1, &receipt("a b"), None)
        .await
        .unwrap();
    let known = only(&deliveries, job).await;
    assert_eq!((known.message_id, known.status), (None, Accepted));
}

async fn an_attempt_in_doubt_is_decided_by_a_report_that_names_it(store: Store) {
    let queue = &store.queue;
    let deliveries = Deliveries::of(queue).build();
    let job = JobId::new();
    deliveries.doubted(job, 1, "p", None).await.unwrap();
    let doubt = only(&deliveries, job).await;
    assert_eq!((doubt.status, doubt.message_id), (Unknown, None));

    // It could be anybody's, so alone it changes nothing.
    let applied = deliveries.apply(report("7", Sent)).await.unwrap();
    assert_eq!(applied, Applied::Early);
    assert_eq!(status(&deliveries, job).await, Unknown);

    let applied = deliveries.apply_to(job, 1, report("7", Delivered)).await;
    assert_eq!(changed(applied.unwrap()).previous, None);
    let known = only(&deliveries, job).await;
    assert_eq!(known.message_id.as_deref(), Some("7"));
    assert_eq!((known.status, known.attempt), (Delivered, 1));
}

async fn a_job_that_was_sent_twice_says_so(store: Store) {
    let queue = &store.queue;
    let deliveries = Deliveries::of(queue).build();
    let job = JobId::new();
    for (attempt, id) in [(1, "1"), (2, "2")] {
        deliveries
            .accepted(job, attempt, &receipt(id), None)
            .await
            .unwrap();
        changed(deliveries.apply(report(id, Delivered)).await.unwrap());
    }
    // A neighbour in the order of keys is another job.
    deliveries
        .accepted(JobId::new(), 1, &receipt("3"), None)
        .await
        .unwrap();
    let known = deliveries.job(job).await.unwrap().unwrap();
    assert_eq!((known.delivered(), known.messages.len()), (2, 2));
}

async fn what_is_known_is_forgotten_in_the_end(store: Store) {
    let queue = &store.queue;
    let by_default = Deliveries::of(queue).build();
    let brief = Deliveries::of(queue).retention(HOUR).build();
    let (job, other) = (JobId::new(), JobId::new());
    by_default
        .accepted(job, 1, &receipt("1"), None)
        .await
        .unwrap();
    brief.accepted(other, 1, &receipt("2"), None).await.unwrap();
    queue.advance(RETENTION_MIN - HOUR);
    // A report does not make it live longer.
    changed(brief.apply(report("2", Delivered)).await.unwrap());
    queue.advance(HOUR);
    assert_eq!(brief.job(other).await.unwrap(), None);
    assert_eq!(status(&by_default, job).await, Accepted);
    queue.advance(RETENTION_DEFAULT - RETENTION_MIN);
    assert_eq!(by_default.job(job).await.unwrap(), None);
    assert_eq!(by_default.message("p", "1").await.unwrap(), None);
}

#[tokio::test]
async fn everything_survives_a_restart_and_is_shared() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().display());
    let job = JobId::new();
    {
        let queue = Queue::<SmsJob>::open(&url).await.unwrap();
        let deliveries = Deliveries::of(&queue).build();
        deliveries
            .accepted(job, 1, &receipt("1"), None)
            .await
            .unwrap();
        let early = deliveries.apply(report("2", Delivered)).await.unwrap();
        assert_eq!(early, Applied::Early);
        queue.backend().close().await.unwrap();
        let closed = deliveries.apply(report("1", Sent)).await.unwrap_err();
        assert_eq!(closed.kind(), BackendErrorKind::Closed);
    }
    let one = Deliveries::of(&Queue::<SmsJob>::open(&url).await.unwrap()).build();
    let other = Deliveries::of(&Queue::<SmsJob>::open(&url).await.unwrap()).build();
    changed(one.apply(report("1", Delivered)).await.unwrap());
    assert_eq!(status(&other, job).await, Delivered);
    let second = JobId::new();
    other
        .accepted(second, 1, &receipt("2"), None)
        .await
        .unwrap();
    assert_eq!(status(&one, second).await, Delivered);
}

async fn reports_that_come_at_once_are_told_once(store: Store) {
    let queue = &store.queue;
    let deliveries = Deliveries::of(queue).build();
    let job = JobId::new();
    deliveries
        .accepted(job, 1, &receipt("1"), None)
        .await
        .unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..12 {
        let deliveries = deliveries.clone();
        let status = [Sent, Delivered, Failed][n % 3];
        tasks.spawn(async move { deliveries.apply(report("1", status)).await.unwrap() });
    }
    let finals = tasks
        .join_all()
        .await
        .into_iter()
        .filter(
            |applied| matches!(applied, Applied::Changed(event) if event.message.status.is_final()),
        )
        .count();
    assert_eq!(finals, 1);
    assert!(status(&deliveries, job).await.is_final());
}

async fn a_receipt_and_its_report_at_once_lose_nothing(store: Store) {
    let queue = &store.queue;
    let deliveries = Deliveries::of(queue).build();
    for n in 0..100 {
        let (job, id) = (JobId::new(), n.to_string());
        let receipt = receipt(&id);
        let (accepted, applied) = tokio::join!(
            deliveries.accepted(job, 1, &receipt, None),
            deliveries.apply(report(&id, Delivered)),
        );
        accepted.unwrap();
        applied.unwrap();
        assert_eq!(status(&deliveries, job).await, Delivered);
    }
}

async fn a_report_that_an_observer_could_not_take_comes_again(store: Store) {
    let queue = &store.queue;
    let observer = Arc::new(Observer::default());
    *observer.refuse.lock().await = 1;
    let deliveries = Deliveries::of(queue)
        .observer(Shared(observer.clone()))
        .build();
    let job = JobId::new();
    deliveries
        .accepted(job, 1, &receipt("1"), None)
        .await
        .unwrap();
    let blocked = DeliveryReport::failed("p", "1", DeliveryFailure::Blocked);
    let error = deliveries.apply(blocked.clone()).await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Full);
    assert_eq!(status(&deliveries, job).await, Accepted);

    changed(deliveries.apply(blocked.clone()).await.unwrap());
    deliveries.apply(blocked).await.unwrap();
    let told = observer.told.lock().await;
    assert_eq!(
        told.len(),
        2,
        "once refused, once taken, and not for the repetition"
    );
    assert!(told.iter().all(|event| event.message.suppress));
}

async fn a_slow_reader_is_told_how_much_it_missed(store: Store) {
    let queue = &store.queue;
    let deliveries = Deliveries::of(queue).build();
    let mut events = deliveries.subscribe();
    let job = JobId::new();
    for n in 0..1030 {
        deliveries
            .accepted(job, 1, &receipt(&n.to_string()), None)
            .await
            .unwrap();
    }
    assert_eq!(
        events.next().await.unwrap().unwrap_err(),
        Lagged { missed: 6 }
    );
    let next = events.next().await.unwrap().unwrap();
    assert_eq!(next.message.message_id.as_deref(), Some("6"));
    assert!(queue.clock().now() >= next.message.accepted_at);
    drop(deliveries);
}
