//! Doubt: which attempt may have had its effect, and since when. And when the last attempt started.

use std::time::Duration;

use super::Subject;
use super::subject::VISIBILITY;
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
        subject.clock.advance(Duration::from_secs(5));
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
        assert_eq!((second.attempt, second.doubt), (2, doubt), "{policy:?}");
        let view = subject.view(id).await;
        assert_eq!(
            (view.started_at, view.doubt),
            (Some(second_started_at), doubt)
        );
        // The first attempt in doubt is the one that counts, whatever the later ones say.
        for (attempt, in_doubt) in [(2, true), (3, false)] {
            let delivery = match attempt {
                2 => second.clone(),
                _ => subject.take_one().await,
            };
            assert_eq!((delivery.attempt, delivery.doubt), (attempt, doubt));
            subject.clock.advance(Duration::from_secs(1));
            subject.end(&delivery, failed(&subject, in_doubt)).await;
        }
        let last = subject.take_one().await;
        assert_eq!((last.attempt, last.doubt), (4, doubt));
        subject.end(&last, Disposition::Complete(None)).await;
        assert_eq!(subject.view(id).await.doubt, doubt, "the record keeps it");
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
    subject.clock.advance(Duration::from_secs(7));
    let unsure = subject.take_one().await;
    assert_eq!(unsure.doubt, None);
    let started_at = subject.clock.now();
    subject.clock.advance(VISIBILITY / 2);
    subject.end(&unsure, failed(&subject, true)).await;
    let doubt = Some(Doubt {
        attempt: 2,
        started_at,
    });
    assert_eq!(subject.view(id).await.doubt, doubt);
    assert_eq!(subject.take_one().await.doubt, doubt);
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
    assert_eq!((view.state, view.doubt), (State::Unknown, doubt));
    let requeued = subject.backend.requeue(id).await.expect("requeue works");
    assert_eq!(requeued, Requeued::Requeued);
    let delivery = subject.take_one().await;
    assert_eq!((delivery.attempt, delivery.doubt), (1, None));
}
