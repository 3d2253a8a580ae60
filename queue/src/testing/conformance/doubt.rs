//! Doubt: which attempt may have had its effect, and since when. And when the last attempt started.

use std::time::Duration;

use super::Subject;
use crate::backend::{Disposition, Doubt, Requeued};
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
        let doubt = Some(Doubt {
            attempt: 1,
            started_at,
        });
        assert_eq!(second.attempt, 2, "{policy:?}");
        assert!(subject.is_same_doubt(second.doubt, doubt), "{second:?}");
        let view = subject.view(id).await;
        assert!(subject.is_same_doubt(view.doubt, doubt), "{view:?}");
        let started_at = view.started_at.expect("it started");
        assert!(subject.is_same(started_at, second_started_at), "{view:?}");
        // The first attempt in doubt is the one that counts, whatever the later ones say.
        for (attempt, in_doubt) in [(2, true), (3, false)] {
            let delivery = match attempt {
                2 => second.clone(),
                _ => subject.take_one().await,
            };
            assert_eq!(delivery.attempt, attempt);
            assert!(subject.is_same_doubt(delivery.doubt, doubt));
            subject.pass(subject.span(Duration::from_secs(1))).await;
            subject.end(&delivery, failed(&subject, in_doubt)).await;
        }
        let last = subject.take_one().await;
        assert_eq!(last.attempt, 4);
        assert!(subject.is_same_doubt(last.doubt, doubt));
        subject.end(&last, Disposition::Complete(None)).await;
        let view = subject.view(id).await;
        assert!(
            subject.is_same_doubt(view.doubt, doubt),
            "the record keeps it"
        );
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
    subject.end(&unsure, failed(&subject, true)).await;
    let doubt = Some(Doubt {
        attempt: 2,
        started_at,
    });
    let view = subject.view(id).await;
    assert!(subject.is_same_doubt(view.doubt, doubt), "{view:?}");
    let last = subject.take_one().await;
    assert!(subject.is_same_doubt(last.doubt, doubt), "{last:?}");
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
    let doubt = Some(Doubt {
        attempt: 1,
        started_at,
    });
    assert_eq!(view.state, State::Unknown);
    assert!(subject.is_same_doubt(view.doubt, doubt), "{view:?}");
    let requeued = subject.backend.requeue(id).await.expect("requeue works");
    assert_eq!(requeued, Requeued::Requeued);
    let delivery = subject.take_one().await;
    assert_eq!((delivery.attempt, delivery.doubt), (1, None));
}
