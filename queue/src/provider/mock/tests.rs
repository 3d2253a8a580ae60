//! What a mock answers, remembers and shows.

use std::time::Duration;

use super::*;
use crate::job::JobId;
use crate::provider::ProviderErrorKind;

#[derive(Clone, PartialEq)]
struct Note(&'static str);

impl Message for Note {
    const CHANNEL: &'static str = "note";
}

fn context() -> SendContext {
    SendContext::new(JobId::new(), Duration::from_secs(1))
}

#[tokio::test]
async fn the_script_comes_first_and_then_the_rule() {
    let mock = Mock::new()
        .then(MockAnswer::transient())
        .then(Receipt::new("other").segments(2));
    let context = context();
    let error = mock.send(&Note("a"), &context).await.unwrap_err();
    assert_eq!(error.kind(), ProviderErrorKind::Transient { after: None });
    assert_eq!(mock.send(&Note("b"), &context).await.unwrap().segments, 2);
    let receipt = mock.send(&Note("c"), &context).await.unwrap();
    assert_eq!(receipt.message_id.as_deref(), Some("mock-3"));
    assert_eq!((mock.call_count(), mock.sent_count()), (3, 2));
    assert!(mock.sent() == [Note("b"), Note("c")]);
    assert!(mock.last() == Some(Note("c")));
    mock.assert_sent_count(2);
}

#[tokio::test]
async fn every_kind_of_error_can_be_scripted() {
    let after = Duration::from_secs(7);
    for (answer, kind) in [
        (MockAnswer::rejected(), ProviderErrorKind::Rejected),
        (
            MockAnswer::throttled(after),
            ProviderErrorKind::Throttled { after },
        ),
        (
            MockAnswer::transient(),
            ProviderErrorKind::Transient { after: None },
        ),
        (MockAnswer::unknown(), ProviderErrorKind::Unknown),
        (
            MockAnswer::misconfigured(),
            ProviderErrorKind::Misconfigured,
        ),
    ] {
        let error = Mock::always(answer).send(&Note("a"), &context()).await;
        assert_eq!(error.unwrap_err().kind(), kind);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mock_takes_its_time_or_hangs() {
    let mock = Mock::new()
        .then(MockAnswer::accept().after(Duration::from_secs(3)))
        .then(MockAnswer::hang());
    let context = context();
    let started = tokio::time::Instant::now();
    mock.send(&Note("a"), &context).await.unwrap();
    assert_eq!(started.elapsed(), Duration::from_secs(3));
    let note = Note("b");
    let hour = Duration::from_secs(3600);
    let hung = tokio::time::timeout(hour, mock.send(&note, &context)).await;
    assert!(hung.is_err());
    assert_eq!((mock.call_count(), mock.sent_count()), (2, 1));
}

#[tokio::test]
async fn a_message_can_be_sent_although_the_answer_never_comes() {
    let clock = crate::clock::ManualClock::default();
    let hour = Duration::from_secs(3600);
    let mock = Mock::new()
        .named("primary")
        .clock(clock.clone())
        .then(MockAnswer::unknown().after_accepting())
        .then(MockAnswer::accept().after(hour).after_accepting());
    let context = context();
    mock.send(&Note("a"), &context).await.unwrap_err();
    assert_eq!((mock.call_count(), mock.sent_count()), (1, 1));
    let (note, late) = (Note("b"), mock.clone());
    let mut call = std::pin::pin!(late.send(&note, &context));
    let waker = std::task::Waker::noop();
    let mut poll = || {
        call.as_mut()
            .poll(&mut std::task::Context::from_waker(waker))
    };
    assert!(poll().is_pending());
    assert_eq!((mock.sent_count(), mock.calls()[1].accepted), (2, true));
    assert!(mock.sent() == [Note("a"), Note("b")]);
    clock.advance(hour);
    let std::task::Poll::Ready(Ok(receipt)) = poll() else {
        panic!("the hour is over");
    };
    assert_eq!(receipt.provider, "primary");
    // Not counted twice.
    assert_eq!(mock.sent_count(), 2);
}

#[tokio::test]
async fn a_panic_leaves_the_mock_usable() {
    let mock = Mock::new().then(MockAnswer::panic());
    let clone = mock.clone();
    let task = tokio::spawn(async move { clone.send(&Note("a"), &context()).await });
    assert!(task.await.unwrap_err().is_panic());
    mock.send(&Note("b"), &context()).await.unwrap();
    mock.wait_for(1).await;
}

#[tokio::test]
async fn a_rule_sees_the_message_and_nothing_is_shown() {
    let mock = Mock::with_rule(|note: &Note, _| match note.0 {
        "unwelcome" => MockAnswer::rejected(),
        _ => MockAnswer::accept(),
    });
    let context = context();
    mock.send(&Note("unwelcome"), &context).await.unwrap_err();
    mock.send(&Note("greeting"), &context).await.unwrap();
    let shown = format!("{mock:?} {:?}", mock.calls());
    assert!(
        !shown.contains("unwelcome") && !shown.contains("greeting"),
        "{shown}"
    );
}
