//! Messages that go together, and callers that leave.

use super::*;
use crate::testing::gateway::{Fault, Personality, RowFault};

#[tokio::test]
async fn messages_gather_while_the_call_is_busy() {
    let gateway = Gateway::builder()
        .latency(Duration::from_millis(100), Duration::ZERO)
        .start()
        .await
        .unwrap();
    let salum = one_call(&gateway, |options| options);
    let first = tokio::spawn({
        let salum = Arc::clone(&salum);
        async move { send(&salum, 0).await }
    });
    gateway.wait_for(1).await;
    let answers = send_together(&salum, 1..=25).await;
    first.await.unwrap().unwrap();
    assert!(answers.iter().all(Result::is_ok));
    let sizes: Vec<_> = gateway.requests().iter().map(|r| r.rows.len()).collect();
    assert_eq!(sizes, [1, 20, 5]);
    assert!(gateway.duplicates().is_empty());
    // Each caller has the id of its own message.
    for (n, answer) in (1..=25).zip(answers) {
        let accepted = gateway.accepted();
        let row = accepted
            .iter()
            .find(|row| row.message == format!("Karibu {n}"))
            .unwrap();
        let id = row.message_id.clone();
        assert_eq!(answer.unwrap().message_id, id);
    }
}

#[tokio::test]
async fn an_idle_client_sends_at_once_and_alone() {
    let gateway = Gateway::start().await.unwrap();
    let salum = client(&gateway);
    for n in 0..3 {
        send(&salum, n).await.unwrap();
    }
    assert!(
        gateway
            .requests()
            .iter()
            .all(|request| request.endpoint == "sendsms")
    );
    assert_eq!(salum.waiting(), 0);
}

#[tokio::test]
async fn bulk_answers_with_odd_rows_reach_the_right_callers() {
    for (fault, expected) in [
        (RowFault::Shuffled, "sent"),
        (RowFault::Repeated, "sent"),
        (RowFault::Foreign, "sent"),
        (RowFault::WithoutClientIds, "sent"),
        (RowFault::Missing, "unknown"),
        (RowFault::Contradicting, "unknown"),
    ] {
        let gateway = Gateway::start().await.unwrap();
        gateway.number(&number(3), 1003);
        gateway.next(1, Fault::rows(fault));
        let salum = one_call(&gateway, |options| {
            options.linger(Duration::from_millis(50))
        });
        let answers = send_together(&salum, 1..=4).await;
        let kinds = kinds(&answers);
        assert_eq!(kinds[1..], ["sent", "rejected", "sent"], "{fault:?}");
        assert_eq!(kinds[0], expected, "{fault:?}");
        for (n, answer) in (1..=4).zip(&answers) {
            if let Ok(receipt) = answer {
                let accepted = gateway.accepted();
                let row = accepted
                    .iter()
                    .find(|row| row.message == format!("Karibu {n}"));
                let id = row.unwrap().message_id.clone();
                assert_eq!(receipt.message_id, id, "{fault:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_list_that_is_too_long_is_halved_and_learnt_from() {
    let mut personality = Personality::salum();
    personality.bulk_rows_max = 3;
    let gateway = Gateway::builder()
        .personality(personality)
        .start()
        .await
        .unwrap();
    let salum = one_call(&gateway, |options| {
        options.linger(Duration::from_millis(50))
    });
    let answers = send_together(&salum, 1..=8).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(gateway.accepted_count(), 8);
    assert!(gateway.duplicates().is_empty());
    let refused = |gateway: &Gateway| {
        let requests = gateway.requests();
        requests.iter().filter(|r| r.code == Some(1012)).count()
    };
    let before = refused(&gateway);
    assert!(before > 0);
    assert!(
        send_together(&salum, 11..=18)
            .await
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!(refused(&gateway), before);
}

#[tokio::test]
async fn one_bad_message_does_not_take_the_others_with_it() {
    // A gateway that refuses a whole list for one number, or its size: everybody else is sent.
    for fault in [Fault::flat(1003), Fault::status(413), Fault::flat(1004)] {
        let gateway = Gateway::start().await.unwrap();
        gateway.next(1, fault);
        gateway.number(&number(2), 1003);
        let salum = one_call(&gateway, |options| {
            options.linger(Duration::from_millis(50))
        });
        let answers = send_together(&salum, 1..=4).await;
        assert_eq!(kinds(&answers), ["sent", "rejected", "sent", "sent"]);
        assert!(gateway.duplicates().is_empty());
    }
}

#[tokio::test]
async fn a_whole_call_that_fails_fails_for_every_message() {
    for (fault, kind) in [
        (Fault::flat(1006), "misconfigured"),
        (Fault::status(429), "throttled"),
        (Fault::status(503), "transient"),
        (Fault::cut().after_accepting(), "unknown"),
        (Fault::body("").after_accepting(), "unknown"),
    ] {
        let gateway = Gateway::start().await.unwrap();
        gateway.next(1, fault);
        let salum = one_call(&gateway, |options| {
            options.linger(Duration::from_millis(50))
        });
        let answers = send_together(&salum, 1..=3).await;
        assert_eq!(kinds(&answers), [kind; 3]);
        assert_eq!(gateway.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_caller_that_leaves_before_its_call_leaves_no_message_behind() {
    let gateway = Gateway::start().await.unwrap();
    gateway.next(1, Fault::slow(Duration::from_secs(1)));
    let salum = one_call(&gateway, |options| options);
    let busy = tokio::spawn({
        let salum = Arc::clone(&salum);
        async move { send(&salum, 0).await }
    });
    gateway.wait_for(1).await;
    // One is dropped, one has too little time to wait, one is patient.
    let dropped = tokio::time::timeout(Duration::from_millis(50), send(&salum, 1)).await;
    assert!(dropped.is_err());
    let error = send_within(&salum, 2, Duration::from_millis(200))
        .await
        .unwrap_err();
    assert!(
        matches!(error.kind(), ProviderErrorKind::Throttled { .. }),
        "{error}"
    );
    assert_eq!(salum.waiting(), 0);
    send(&salum, 3).await.unwrap();
    busy.await.unwrap().unwrap();
    let texts: Vec<_> = gateway.rows().into_iter().map(|row| row.message).collect();
    assert_eq!(texts, ["Karibu 0", "Karibu 3"]);
}

#[tokio::test]
async fn a_caller_that_leaves_during_its_call_takes_nobody_with_it() {
    let gateway = Gateway::start().await.unwrap();
    gateway.next(1, Fault::slow(Duration::from_millis(1500)));
    let salum = one_call(&gateway, |options| {
        options.linger(Duration::from_millis(50))
    });
    let leaver = tokio::spawn({
        let salum = Arc::clone(&salum);
        async move { send_within(&salum, 1, Duration::from_secs(1)).await }
    });
    let dropped = tokio::spawn({
        let salum = Arc::clone(&salum);
        async move { send(&salum, 2).await }
    });
    let stayer = tokio::spawn({
        let salum = Arc::clone(&salum);
        async move { send(&salum, 3).await }
    });
    gateway.wait_for(3).await;
    dropped.abort();
    let error = leaver.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ProviderErrorKind::Unknown);
    stayer.await.unwrap().unwrap();
    assert_eq!(gateway.requests().len(), 1);
}

#[tokio::test]
async fn two_sends_of_one_job_never_share_a_call() {
    let gateway = Gateway::start().await.unwrap();
    let salum = one_call(&gateway, |options| {
        options.linger(Duration::from_millis(50))
    });
    let context = SendContext::new(JobId::new(), Duration::from_secs(5));
    let (one, two) = (message(1), message(2));
    let (one, two) = tokio::join!(salum.send(&one, &context), salum.send(&two, &context));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(gateway.requests().len(), 2);
}

#[tokio::test]
async fn nothing_runs_on_when_the_client_is_gone() {
    let gateway = Gateway::start().await.unwrap();
    gateway.next(1, Fault::hang());
    let salum = client(&gateway);
    let left = tokio::time::timeout(Duration::from_millis(100), send(&salum, 1)).await;
    assert!(left.is_err());
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    drop(salum);
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if tasks() < before {
            return;
        }
    }
    panic!("the call's task is still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_messages_are_each_sent_once() {
    let gateway = Gateway::start().await.unwrap();
    let salum = Arc::new(gateway.salum_options().bulk_rows(20).build().unwrap());
    let answers = send_together(&salum, 0..2000).await;
    // Most went out together.
    assert!(gateway.requests().len() < 500);
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(gateway.accepted_count(), 2000);
    assert!(gateway.duplicates().is_empty());
}
