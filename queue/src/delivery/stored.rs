//! What is stored of a message, and what a receipt or a report makes of it. Pure.

use serde::{Deserialize, Serialize};

use super::event::DeliveryEvent;
use super::view::MessageDelivery;
use super::{DeliveryFailure, DeliveryReport, DeliveryStatus};
use crate::clock::Timestamp;
use crate::job::{JobId, RecipientKey};

/// What is stored of a message, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) provider: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message_id: Option<String>,
    /// Whose message it is; `None` as long as its reports are early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) origin: Option<Origin>,
    pub(super) status: DeliveryStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<DeliveryFailure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) suppress: bool,
    pub(super) changed_at: Timestamp,
}

/// Whose message it is, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) job: JobId,
    pub(super) attempt: u16,
    pub(super) accepted_at: Timestamp,
    /// How many parts were billed; 0 when no receipt says so.
    #[serde(default)]
    pub(super) segments: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recipient: Option<RecipientKey>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Something is new.
    Store(Box<Change>),
    /// Nothing new; the status stays.
    Keep(DeliveryStatus),
}

/// What is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// To be stored.
    pub(super) next: Stored,
    /// To be told; `None` as long as the job is not known.
    pub(super) event: Option<DeliveryEvent>,
}

impl Stored {
    /// What the send of `origin` makes of `current`: its reports may have come first.
    pub(super) fn after_send(
        current: Option<Self>,
        provider: &str,
        message_id: Option<&str>,
        status: DeliveryStatus,
        origin: Origin,
    ) -> Step {
        let early = match current {
            Some(known) if known.origin.is_some_and(|known| known.job == origin.job) => {
                return Step::Keep(known.status);
            }
            // Another job's: a provider that uses an id twice. What was reported of the old message is not of this one.
            Some(known) if known.origin.is_some() => None,
            early => early,
        };
        let stored = match early {
            Some(early) => Self {
                origin: Some(origin),
                ..early
            },
            None => Self {
                provider: provider.to_owned(),
                message_id: message_id.map(str::to_owned),
                origin: Some(origin),
                status,
                failure: None,
                code: None,
                suppress: false,
                changed_at: origin.accepted_at,
            },
        };
        stored.told(None)
    }

    /// What `report` makes of `current` at `now`. `origin` is whose message it is, when the report says so itself.
    pub(super) fn after_report(
        current: Option<Self>,
        report: &DeliveryReport,
        origin: Option<Origin>,
        now: Timestamp,
    ) -> Step {
        let Some(known) = current else {
            return Self::of(report, origin, now).told(None);
        };
        let adopted = known.origin.is_none() && origin.is_some();
        let moves = known.status.may_become(report.status);
        if !moves && !adopted {
            return Step::Keep(known.status);
        }
        let previous = known.origin.map(|_| known.status);
        let origin = known.origin.or(origin);
        let stored = match moves {
            true => Self::of(report, origin, now),
            false => Self { origin, ..known },
        };
        stored.told(previous)
    }

    fn of(report: &DeliveryReport, origin: Option<Origin>, now: Timestamp) -> Self {
        Self {
            provider: report.provider.clone(),
            message_id: Some(report.message_id.clone()),
            origin,
            status: report.status,
            failure: report.failure,
            code: report.code.clone(),
            suppress: report.suppress,
            changed_at: now,
        }
    }

    /// What users see of it; `None` as long as its job is not known.
    pub(super) fn view(&self) -> Option<MessageDelivery> {
        let origin = self.origin?;
        Some(MessageDelivery {
            job: origin.job,
            attempt: origin.attempt,
            recipient: origin.recipient,
            provider: self.provider.clone(),
            message_id: self.message_id.clone(),
            segments: origin.segments,
            status: self.status,
            failure: self.failure,
            code: self.code.clone(),
            suppress: self.suppress,
            accepted_at: origin.accepted_at,
            changed_at: self.changed_at,
        })
    }

    /// This as something new, after `previous`.
    fn told(self, previous: Option<DeliveryStatus>) -> Step {
        let message = self.view();
        Step::Store(Box::new(Change {
            event: message.map(|message| DeliveryEvent { message, previous }),
            next: self,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DeliveryStatus::{Accepted, Delivered, Failed, Sent, Unknown};

    const LATER: Timestamp = Timestamp::from_millis(9);

    fn origin() -> Origin {
        Origin {
            job: JobId::from_bytes([7; 16]),
            attempt: 1,
            accepted_at: Timestamp::from_millis(5),
            segments: 2,
            recipient: None,
        }
    }

    fn sent() -> Stored {
        stored(Stored::after_send(None, "p", Some("1"), Accepted, origin()))
    }

    fn change(step: Step) -> Change {
        match step {
            Step::Store(change) => *change,
            Step::Keep(status) => panic!("kept {status}"),
        }
    }

    fn stored(step: Step) -> Stored {
        change(step).next
    }

    fn report(status: DeliveryStatus) -> DeliveryReport {
        DeliveryReport::new("p", "1", status).code(status.as_str())
    }

    #[test]
    fn a_report_moves_forward_and_tells_from_where() {
        let step = Stored::after_report(Some(sent()), &report(Sent), None, LATER);
        let Change { next, event } = change(step);
        let event = event.unwrap();
        assert_eq!((next.status, next.changed_at), (Sent, LATER));
        assert_eq!(next.origin, Some(origin()));
        assert_eq!(event.previous, Some(Accepted));
        assert_eq!(event.message.accepted_at, origin().accepted_at);
    }

    #[test]
    fn a_repeated_or_older_report_changes_nothing() {
        let delivered = stored(Stored::after_report(
            Some(sent()),
            &report(Delivered),
            None,
            LATER,
        ));
        for status in DeliveryStatus::ALL {
            let step = Stored::after_report(Some(delivered.clone()), &report(status), None, LATER);
            assert_eq!(step, Step::Keep(Delivered), "{status}");
        }
    }

    #[test]
    fn an_early_report_waits_for_its_receipt() {
        let step = Stored::after_report(None, &report(Delivered), None, LATER);
        let early = change(step);
        assert!(early.event.is_none(), "its job is not known");
        let step = Stored::after_send(Some(early.next), "p", Some("1"), Accepted, origin());
        let Change { next: bound, event } = change(step);
        let event = event.unwrap();
        assert_eq!((bound.status, bound.origin), (Delivered, Some(origin())));
        assert_eq!((event.previous, event.message.status), (None, Delivered));
        // The same receipt again.
        let again = Stored::after_send(Some(bound), "p", Some("1"), Accepted, origin());
        assert_eq!(again, Step::Keep(Delivered));
    }

    #[test]
    fn a_report_that_knows_its_job_needs_no_receipt() {
        let step = Stored::after_report(None, &report(Sent), Some(origin()), LATER);
        let known = stored(step);
        assert_eq!(known.origin, Some(origin()));
        let early = stored(Stored::after_report(None, &report(Sent), None, LATER));
        let step = Stored::after_report(Some(early), &report(Sent), Some(origin()), LATER);
        assert_eq!(stored(step).origin, Some(origin()));
    }

    #[test]
    fn an_id_that_is_used_twice_begins_anew() {
        let failed = stored(Stored::after_report(
            Some(sent()),
            &report(Failed),
            None,
            LATER,
        ));
        let other = Origin {
            job: JobId::new(),
            ..origin()
        };
        let anew = stored(Stored::after_send(
            Some(failed),
            "p",
            Some("1"),
            Accepted,
            other,
        ));
        assert_eq!((anew.status, anew.origin), (Accepted, Some(other)));
    }

    #[test]
    fn doubt_is_settled_by_a_report() {
        let doubt = stored(Stored::after_send(None, "p", Some("1"), Unknown, origin()));
        let step = Stored::after_report(Some(doubt), &report(Delivered), None, LATER);
        assert_eq!(stored(step).status, Delivered);
    }

    #[test]
    fn the_stored_form_is_fixed() {
        let mut failed = report(Failed).code("AbsentSubscriber");
        failed.failure = Some(DeliveryFailure::Number);
        let stored = stored(Stored::after_report(Some(sent()), &failed, None, LATER));
        let json = r#"{"provider":"p","message_id":"1","origin":{"job":"07070707-0707-0707-0707-070707070707","attempt":1,"accepted_at":5,"segments":2},"status":"failed","failure":"number","code":"AbsentSubscriber","changed_at":9}"#;
        assert_eq!(serde_json::to_string(&stored).unwrap(), json);
        assert_eq!(serde_json::from_str::<Stored>(json).unwrap(), stored);
    }
}
