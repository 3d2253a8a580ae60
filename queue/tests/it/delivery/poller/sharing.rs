//! Restarts, crashes, several pollers, and the end.

use super::*;

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let (process, job) = one_message().await;
    let source = Scripted::new(process.queue.clock());
    let first = process.spawn(&source);
    process.pass(60 * SECOND, 10 * SECOND).await;
    first.shutdown(SECOND).await.unwrap();
    assert_eq!(source.count().await, 2);
    // Nobody runs for five hours; the steps of that time are not made up for.
    process.queue.advance(5 * HOUR);
    source.then(Ok(Delivered)).await;
    let again = Process::beside(process.queue.clone());
    let _second = again.spawn(&source);
    again.clock.idle().await;
    assert_eq!(status(&again.deliveries, job).await, Delivered);
    assert_eq!(source.count().await, 3);
}

#[tokio::test]
async fn a_question_that_a_crash_cut_off_is_asked_again_by_another() {
    let (process, job) = one_message().await;
    let dies = Scripted::hanging(process.queue.clock());
    let dying = process.spawn(&dies);
    process.clock.idle().await;
    process.queue.advance(10 * SECOND);
    eventually("the question", || async { dies.count().await == 1 }).await;
    // Within its claim nobody else asks.
    let other = Process::beside(process.queue.clone());
    let source = Scripted::new(process.queue.clock());
    source.then(Ok(Delivered)).await;
    let _other = other.spawn(&source);
    other.pass(60 * SECOND, 10 * SECOND).await;
    assert_eq!(source.count().await, 0);
    dying.shutdown(Duration::ZERO).await.unwrap();
    other.pass(70 * SECOND, 10 * SECOND).await;
    assert_eq!(source.count().await, 1);
    assert_eq!(status(&other.deliveries, job).await, Delivered);
}

#[tokio::test]
async fn pollers_share_the_work() {
    let one = Process::new().await;
    for n in 0..100 {
        one.accept(&n.to_string()).await;
    }
    let source = Scripted::new(one.queue.clock());
    for _ in 0..300 {
        source.then(Ok(Delivered)).await;
    }
    let others = [1, 2].map(|_| Process::beside(one.queue.clone()));
    let pollers = [&one, &others[0], &others[1]].map(|process| process.spawn(&source));
    one.queue.advance(10 * SECOND);
    eventually("all answers", || async {
        pollers.iter().map(|one| counts(one)[2]).sum::<u64>() >= 100
    })
    .await;
    let asked = source.asked.lock().await.clone();
    let mut ids: Vec<&str> = asked.iter().map(|(id, _)| id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 100);
    assert_eq!(asked.len(), 100, "no message was asked about twice");
}

#[tokio::test]
async fn it_has_no_more_questions_in_flight_than_it_may() {
    let process = Process::new().await;
    for n in 0..20 {
        process.accept(&n.to_string()).await;
    }
    let hangs = Scripted::hanging(process.queue.clock());
    let poller = DeliveryPoller::builder(process.deliveries.clone(), hangs.clone())
        .in_flight(3)
        .spawn();
    process.clock.idle().await;
    process.queue.advance(10 * SECOND);
    eventually("three questions", || async { hangs.count().await == 3 }).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(hangs.count().await, 3);
    // A shutdown does not wait for them longer than it is told to.
    let stopping = tokio::spawn(poller.shutdown(SECOND));
    process.clock.idle().await;
    process.queue.advance(SECOND);
    assert_eq!(stopping.await.unwrap().unwrap().answered, 0);
}

#[tokio::test]
async fn a_store_that_is_closed_ends_it() {
    let (process, _) = one_message().await;
    let source = Scripted::new(process.queue.clock());
    let mut poller = process.spawn(&source);
    process.clock.idle().await;
    process.queue.backend().close().await.unwrap();
    process.queue.advance(10 * SECOND);
    let error = poller.finished().await.unwrap_err();
    assert_eq!(error.kind(), BackendErrorKind::Closed);
    assert!(poller.is_finished());
}
