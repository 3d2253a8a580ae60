//! When it asks, and what it makes of answers.

use super::*;

#[tokio::test]
async fn it_asks_by_the_schedule_until_a_report_is_final() {
    let (process, job) = one_message().await;
    let (deliveries, start) = (process.deliveries.clone(), process.start);
    let source = Scripted::new(process.queue.clock());
    for answer in [Accepted, Sent, Sent, Delivered] {
        source.then(Ok(answer)).await;
    }
    let poller = process.spawn(&source);
    process.clock.idle().await;
    assert_eq!(source.count().await, 0, "not before its time");
    process.pass(70 * SECOND, 10 * SECOND).await;
    assert_eq!(status(&deliveries, job).await, Sent);
    process.pass(HOUR, 60 * SECOND).await;
    assert_eq!(status(&deliveries, job).await, Delivered);
    let waits = source.waits(start).await;
    assert_eq!(waits[..2], [10, 60]);
    assert!((300..=370).contains(&waits[2]), "{waits:?}");
    assert!((1_800..=1_870).contains(&waits[3]), "{waits:?}");
    // And never again.
    process.pass(50 * HOUR, HOUR).await;
    assert_eq!(source.count().await, 4);
    let done = poller.shutdown(SECOND).await.unwrap();
    assert_eq!((done.answered, done.settled, done.given_up), (4, 1, 0));
}

#[tokio::test]
async fn after_the_cut_off_the_status_is_unknown_and_a_late_report_still_counts() {
    let (process, job) = one_message().await;
    let (deliveries, start) = (process.deliveries.clone(), process.start);
    let source = Scripted::new(process.queue.clock());
    let poller = process.spawn(&source);
    process.pass(47 * HOUR, HOUR / 2).await;
    assert_eq!(status(&deliveries, job).await, Sent);
    process.pass(2 * HOUR, HOUR / 2).await;
    assert_eq!(status(&deliveries, job).await, Unknown);
    let last = *source.waits(start).await.last().unwrap();
    assert!((48 * 3600..=49 * 3600).contains(&last), "{last}");
    assert_eq!(counts(&poller)[3], 1);
    let asked = source.count().await;
    process.pass(20 * HOUR, HOUR).await;
    assert_eq!(source.count().await, asked);

    changed(deliveries.apply(report("1", Delivered)).await.unwrap());
    assert_eq!(status(&deliveries, job).await, Delivered);
}

#[tokio::test]
async fn a_message_whose_report_was_pushed_is_not_asked_about() {
    let (process, job) = one_message().await;
    let deliveries = process.deliveries.clone();
    let source = Scripted::new(process.queue.clock());
    let poller = process.spawn(&source);
    changed(deliveries.apply(report("1", Failed)).await.unwrap());
    process.pass(100 * SECOND, 10 * SECOND).await;
    assert_eq!(source.count().await, 0);
    assert_eq!(counts(&poller), [0, 0, 1, 0]);
    assert_eq!(status(&deliveries, job).await, Failed);
}

#[tokio::test]
async fn a_provider_that_is_not_planned_is_not_asked() {
    let process = Process::new().await;
    let unplanned = Deliveries::of(&process.queue).build();
    unplanned
        .accepted(JobId::new(), 1, &receipt("1"), None)
        .await
        .unwrap();
    let source = Scripted::new(process.queue.clock());
    let _poller = process.spawn(&source);
    process.pass(100 * SECOND, 10 * SECOND).await;
    assert_eq!(source.count().await, 0);
}

#[tokio::test]
async fn a_failed_question_is_asked_again() {
    let (process, job) = one_message().await;
    let (deliveries, start) = (process.deliveries.clone(), process.start);
    let source = Scripted::new(process.queue.clock());
    source.then(Err(ProviderError::transient("no"))).await;
    source.then(Err(ProviderError::unknown("no"))).await;
    source.then(Ok(Delivered)).await;
    let poller = process.spawn(&source);
    process.pass(200 * SECOND, 5 * SECOND).await;
    assert_eq!(status(&deliveries, job).await, Delivered);
    let waits = source.waits(start).await;
    assert_eq!(waits.len(), 3, "{waits:?}");
    assert!(
        waits[0] == 10 && waits[1] >= 70 && waits[2] >= 130,
        "{waits:?}"
    );
    assert_eq!(counts(&poller), [1, 2, 1, 0]);
}

#[tokio::test]
async fn a_message_that_can_not_be_asked_about_waits_for_the_next_step() {
    let (process, job) = one_message().await;
    let (deliveries, start) = (process.deliveries.clone(), process.start);
    let source = Scripted::new(process.queue.clock());
    source.then(Err(ProviderError::rejected("no"))).await;
    source.then(Ok(Delivered)).await;
    let _poller = process.spawn(&source);
    process.pass(70 * SECOND, 5 * SECOND).await;
    assert_eq!(source.waits(start).await, [10, 60]);
    assert_eq!(status(&deliveries, job).await, Delivered);
}

#[tokio::test]
async fn a_provider_that_refuses_us_holds_all_questions() {
    for refusal in [
        ProviderError::throttled(30 * SECOND, "too many"),
        ProviderError::misconfigured("who are you?"),
    ] {
        let (process, _) = one_message().await;
        let (deliveries, start) = (process.deliveries.clone(), process.start);
        let source = Scripted::new(process.queue.clock());
        source.then(Err(refusal)).await;
        process.queue.advance(5 * SECOND);
        let second = process.accept("2").await;
        let _poller = process.spawn(&source);
        process.pass(25 * SECOND, 5 * SECOND).await;
        let waits = source.waits(start).await;
        assert_eq!(waits, [10], "the second message was due after 15 s");
        process.pass(60 * SECOND, 5 * SECOND).await;
        assert!(source.count().await >= 3, "{:?}", source.waits(start).await);
        assert_eq!(status(&deliveries, second).await, Sent);
    }
}

#[tokio::test]
async fn a_provider_that_never_answers_is_given_up_in_the_end() {
    let (process, job) = one_message().await;
    let (deliveries, start) = (process.deliveries.clone(), process.start);
    let source = Scripted::new(process.queue.clock());
    for _ in 0..200 {
        let down = ProviderError::throttled(24 * HOUR, "down for good");
        source.then(Err(down)).await;
    }
    let poller = process.spawn(&source);
    // A wait of more than an hour is not believed.
    process.pass(75 * HOUR, HOUR / 2).await;
    assert_eq!(status(&deliveries, job).await, Unknown);
    assert_eq!(counts(&poller)[3], 1);
    let last = *source.waits(start).await.last().unwrap();
    assert!((72 * 3600..=74 * 3600).contains(&last), "{last}");
}
