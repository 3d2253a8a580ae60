//! Settling: each outcome leads to its state, once.

use std::time::Duration;

use super::Subject;
use super::subject::dead;
use crate::backend::{Disposition, Settled};
use crate::clock::Clock;
use crate::job::State;
use crate::provider::Receipt;

pub(super) async fn every_disposition_leads_to_its_state(subject: Subject) {
    let later = subject
        .clock
        .now()
        .saturating_add(subject.span(Duration::from_secs(600)));
    let reason = || "a reason".to_owned();
    let receipt = Receipt::new("mock").message_id("m-1").segments(2);
    let cases = [
        (
            Disposition::Complete(Some(receipt.clone())),
            State::Completed,
        ),
        (
            Disposition::Retry {
                at: later,
                reason: reason(),
                in_doubt: false,
            },
            State::Retrying,
        ),
        (
            Disposition::Snooze {
                at: later,
                reason: reason(),
            },
            State::Snoozed,
        ),
        (dead(), State::Dead),
        (Disposition::Expired, State::Expired),
        (Disposition::Unknown { reason: reason() }, State::Unknown),
        (
            Disposition::Park {
                reason: reason(),
                adoptable: true,
            },
            State::Parked,
        ),
        (Disposition::Release, State::Ready),
    ];
    for (disposition, state) in cases {
        let id = subject.put_one().await;
        let delivery = subject.take_one().await;
        assert!(State::Running.may_become(state));
        assert_eq!(
            subject.end(&delivery, disposition.clone()).await,
            Settled::Recorded
        );
        let view = subject.view(id).await;
        assert_eq!(view.state, state, "{disposition:?}");
        assert_eq!(view.finished_at.is_some(), state.is_terminal(), "{state}");
        if state == State::Completed {
            assert_eq!(view.receipt, Some(receipt.clone()));
        }
        if matches!(state, State::Retrying | State::Snoozed) {
            assert_eq!(
                (view.due_at, view.reason.as_deref()),
                (later, Some("a reason"))
            );
        }
    }
}

pub(super) async fn a_retry_counts_and_a_snooze_does_not(subject: Subject) {
    subject.put_one().await;
    let now = subject.clock.now();
    let reason = || "a reason".to_owned();
    let steps = [
        (
            Disposition::Snooze {
                at: now,
                reason: reason(),
            },
            1,
        ),
        (Disposition::Release, 1),
        (
            Disposition::Retry {
                at: now,
                reason: reason(),
                in_doubt: false,
            },
            2,
        ),
        (
            Disposition::Snooze {
                at: now,
                reason: reason(),
            },
            2,
        ),
        (
            Disposition::Retry {
                at: now,
                reason: reason(),
                in_doubt: false,
            },
            3,
        ),
    ];
    for (disposition, next_attempt) in steps {
        let delivery = subject.take_one().await;
        subject.end(&delivery, disposition).await;
        let next = subject.take_one().await;
        assert_eq!(next.attempt, next_attempt);
        subject.end(&next, Disposition::Release).await;
    }
}

pub(super) async fn a_settlement_is_recorded_once(subject: Subject) {
    subject.put_one().await;
    let delivery = subject.take_one().await;
    assert_eq!(
        subject.end(&delivery, Disposition::Complete(None)).await,
        Settled::Recorded
    );
    assert_eq!(subject.end(&delivery, dead()).await, Settled::LeaseLost);
    subject
        .stats_become(|stats| (stats.completed, stats.dead), (1, 0))
        .await;
}

pub(super) async fn bodies_are_wiped_at_the_end(subject: Subject) {
    for (secret, disposition, kept) in [
        (false, Disposition::Complete(None), false),
        (false, Disposition::Expired, false),
        (false, dead(), true),
        (true, dead(), false),
        (
            true,
            Disposition::Unknown {
                reason: String::new(),
            },
            false,
        ),
    ] {
        let mut envelope = subject.envelope();
        envelope.secret = secret;
        let id = envelope.id;
        subject.put(envelope).await;
        let delivery = subject.take_one().await;
        subject.end(&delivery, disposition.clone()).await;
        assert_eq!(
            subject.view(id).await.payload_bytes > 0,
            kept,
            "secret {secret}, {disposition:?}"
        );
    }
}
