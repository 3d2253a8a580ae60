//! Doubt: which attempt may have had its effect, and since when. And when the last attempt started.

use std::time::Duration;

use super::Subject;
use crate::backend::{Disposition, Requeued};
use crate::clock::Clock;
use crate::job::{State, UnknownPolicy};

fn failed(subject: &Subject, in_doubt: bool) -> Disposition {
    Disposition::Retry {
        at: subject.clock.now(),
        reason: "a reason".to_owned(),
        in_doubt,
    }
}

pub(super) async fn a_lost_attempt_is_in_doubt(subject: Subject) {
    for policy in [UnknownPolicy::Retry, UnknownPolicy::Ask] {
        let mut envelope = subject.envelope();
        envelope.unknown = policy;
        let id = envelope.id;
        subject.put(envelope).await;
        subject.pass(subject.span(Duration::from_secs(5))).await;
        let started_at = subject.clock.now();
        let first = subject.take_one().await;
        assert_eq!((first.doubt, first.in_doubt()), (None, false));
        subject.lose_leases().await;
        let second_started_at = subject.clock.now();
        let second = subject.take_one().await;
        assert_eq!(second.attempt, 2, "{policy:?}");
        let is_first = |doubt| subject.began_with(doubt, 1, started_at);
        assert!(is_first(second.doubt), "{second:?}");
        let doubt = second.doubt.expect("an attempt was lost");
        let lost_at = started_at.saturating_add(subject.visibility());
        assert_eq!(doubt.last_attempt, 1);
        assert!(doubt.ended_at >= lost_at && doubt.ended_at <= second_started_at);
        let view = subject.view(id).await;
        assert_eq!(view.doubt, second.doubt, "{view:?}");
        let started_at = view.started_at.expect("it started");
        assert!(subject.is_same(started_at, second_started_at), "{view:?}");
        // The first attempt in doubt is remembered whatever the later ones say, and the last of those that are in doubt too.
        let mut over_at = doubt.ended_at;
        for (attempt, in_doubt) in [(2, true), (3, false)] {
            let delivery = match attempt {
                2 => second.clone(),
                _ => subject.take_one().await,
            };
            assert_eq!(delivery.attempt, attempt);
            assert!(is_first(delivery.doubt), "{delivery:?}");
            subject.pass(subject.span(Duration::from_secs(1))).await;
            if in_doubt {
                over_at = subject.clock.now();
            }
            subject.end(&delivery, failed(&subject, in_doubt)).await;
        }
        let last = subject.take_one().await;
        assert_eq!(last.attempt, 4);
        assert!(is_first(last.doubt), "{last:?}");
        assert!(subject.goes_as_far_as(last.doubt, 2, over_at), "{last:?}");
        subject.end(&last, Disposition::Complete(None)).await;
        let view = subject.view(id).await;
        assert_eq!(view.doubt, last.doubt, "the record keeps it");
    }
}

pub(super) async fn an_attempt_is_in_doubt_when_it_says_so(subject: Subject) {
    let id = subject.put_one().await;
    let sure = subject.take_one().await;
    subject.end(&sure, failed(&subject, false)).await;
    let again = subject.take_one().await;
    assert_eq!(again.doubt, None);
    let snooze = Disposition::Snooze {
        at: subject.clock.now(),
        reason: "a reason".to_owned(),
    };
    subject.end(&again, snooze).await;
    subject.pass(subject.span(Duration::from_secs(7))).await;
    let unsure = subject.take_one().await;
    assert_eq!(unsure.doubt, None);
    let started_at = subject.clock.now();
    subject.pass(subject.visibility() / 2).await;
    let over_at = subject.clock.now();
    subject.end(&unsure, failed(&subject, true)).await;
    let view = subject.view(id).await;
    assert!(subject.began_with(view.doubt, 2, started_at), "{view:?}");
    assert!(subject.goes_as_far_as(view.doubt, 2, over_at), "{view:?}");
    let last = subject.take_one().await;
    assert_eq!(last.doubt, view.doubt);
}

pub(super) async fn whoever_requeues_has_decided_on_the_doubt(subject: Subject) {
    let id = subject.put_one().await;
    let started_at = subject.clock.now();
    let delivery = subject.take_one().await;
    let unknown = Disposition::Unknown {
        reason: "a reason".to_owned(),
    };
    subject.end(&delivery, unknown).await;
    let view = subject.view(id).await;
    assert_eq!(view.state, State::Unknown);
    assert!(subject.began_with(view.doubt, 1, started_at), "{view:?}");
    let requeued = subject.backend.requeue(id).await.expect("requeue works");
    assert_eq!(requeued, Requeued::Requeued);
    let delivery = subject.take_one().await;
    assert_eq!((delivery.attempt, delivery.doubt), (1, None));
}
