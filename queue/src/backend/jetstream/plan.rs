//! [`ProvisionPlan`]: what making a queue's streams and consumers would do.

use std::fmt;

use super::options::Provisioning;
use crate::backend::{BackendError, BackendErrorKind};

/// What has to happen to the streams and consumers of a queue; printed, it is a dry run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionPlan {
    steps: Vec<ProvisionStep>,
}

/// One stream or consumer, and what happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProvisionStep {
    /// `stream SMS` or `consumer SMS/send-high`.
    pub asset: String,
    /// What happens to it.
    pub action: ProvisionAction,
}

/// What happens to a stream or consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProvisionAction {
    /// It is as it should be.
    Keep,
    /// It is not there, and is made.
    Create,
    /// It is not there, and is made when it is first needed: by records beside the jobs, or by statistics.
    OnUse,
    /// It differs, and is changed.
    Update(Vec<Difference>),
    /// It differs where the queue works all the same, and is left: changes are made only when asked for
    /// ([`Provisioning::Update`]).
    Leave(Vec<Difference>),
    /// It differs where the queue can't work, and may not be changed. An empty list: it is not there and may not be made.
    Refuse(Vec<Difference>),
}

/// A setting that is not what the options ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The server's name for the setting.
    pub setting: &'static str,
    /// What the options ask for.
    pub wanted: String,
    /// What the server has.
    pub found: String,
    pub(super) weight: Weight,
}

/// What a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It is somebody else's: never changed.
    Foreign,
    /// Jobs depend on it: changed when asked for, refused otherwise.
    Needed,
    /// The queue works with it.
    Wished,
}

/// Collects differences.
#[derive(Default)]
pub(super) struct Differences(pub(super) Vec<Difference>);

impl Differences {
    pub(super) fn compare<T: PartialEq + fmt::Debug>(
        &mut self,
        weight: Weight,
        setting: &'static str,
        wanted: &T,
        found: &T,
    ) {
        if wanted != found {
            self.0.push(Difference {
                setting,
                wanted: format!("{wanted:?}"),
                found: format!("{found:?}"),
                weight,
            });
        }
    }
}

impl ProvisionPlan {
    pub(super) fn of(steps: Vec<ProvisionStep>) -> Self {
        Self { steps }
    }

    pub(super) fn push(&mut self, step: ProvisionStep) {
        self.steps.push(step);
    }

    /// Every stream and consumer of the queue, in the order they are made in.
    pub fn steps(&self) -> &[ProvisionStep] {
        &self.steps
    }

    /// Whether everything is as it should be, but for what is only made on use.
    pub fn is_settled(&self) -> bool {
        let mut actions = self.steps.iter().map(|step| &step.action);
        actions.all(|action| matches!(action, ProvisionAction::Keep | ProvisionAction::OnUse))
    }

    /// The first refusal, as an error.
    pub(super) fn check(&self) -> Result<(), BackendError> {
        for step in &self.steps {
            let ProvisionAction::Refuse(differences) = &step.action else {
                continue;
            };
            let asset = &step.asset;
            if differences.is_empty() {
                return Err(BackendError::new(
                    BackendErrorKind::Missing,
                    format!(
                        "there is no {asset}: make it, or let the library make it (`QUEUE_NATS_PROVISIONING=create`)"
                    ),
                ));
            }
            let foreign = differences.iter().any(|d| d.weight == Weight::Foreign);
            let advice = match foreign {
                true => "it belongs to something else: remove it, or name the queue differently",
                false => {
                    "change it, or let the library change it (`QUEUE_NATS_PROVISIONING=update`)"
                }
            };
            return Err(BackendError::new(
                BackendErrorKind::Conflict,
                format!(
                    "{asset} has settings that the queue can't work with ({}): {advice}",
                    Listed(differences)
                ),
            ));
        }
        Ok(())
    }
}

/// What happens to an asset that is there and differs in `differences`.
pub(super) fn decide(provisioning: Provisioning, differences: Vec<Difference>) -> ProvisionAction {
    let any = |weight| differences.iter().any(|d: &Difference| d.weight == weight);
    if differences.is_empty() {
        return ProvisionAction::Keep;
    }
    match provisioning {
        _ if any(Weight::Foreign) => ProvisionAction::Refuse(differences),
        Provisioning::Update => ProvisionAction::Update(differences),
        Provisioning::Create | Provisioning::Verify if any(Weight::Needed) => {
            ProvisionAction::Refuse(differences)
        }
        Provisioning::Create | Provisioning::Verify => ProvisionAction::Leave(differences),
    }
}

/// What happens to an asset that is not there.
pub(super) fn decide_missing(provisioning: Provisioning) -> ProvisionAction {
    match provisioning {
        Provisioning::Create | Provisioning::Update => ProvisionAction::Create,
        Provisioning::Verify => ProvisionAction::Refuse(Vec::new()),
    }
}

/// Differences in one line.
pub(super) struct Listed<'a>(pub(super) &'a [Difference]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, difference) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{difference}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, not {}", self.setting, self.found, self.wanted)
    }
}

impl fmt::Display for ProvisionStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, differences): (_, &[Difference]) = match &self.action {
            ProvisionAction::Keep => ("keep", &[]),
            ProvisionAction::Create => ("create", &[]),
            ProvisionAction::OnUse => ("on use", &[]),
            ProvisionAction::Update(differences) => ("update", differences),
            ProvisionAction::Leave(differences) => ("leave", differences),
            ProvisionAction::Refuse(differences) => ("refuse", differences),
        };
        write!(f, "{verb:<6} {}", self.asset)?;
        match differences {
            [] => Ok(()),
            differences => write!(f, ": {}", Listed(differences)),
        }
    }
}

impl fmt::Display for ProvisionPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differing(weight: Weight) -> Vec<Difference> {
        let mut differences = Differences::default();
        differences.compare(weight, "max_age", &1, &2);
        differences.compare(weight, "same", &1, &1);
        differences.0
    }

    #[test]
    fn what_is_foreign_is_never_changed_and_nothing_else_unasked() {
        use ProvisionAction::{Create, Keep, Leave, Refuse, Update};
        use Provisioning as P;
        for provisioning in [P::Create, P::Update, P::Verify] {
            assert_eq!(decide(provisioning, Vec::new()), Keep);
            let foreign = differing(Weight::Foreign);
            assert_eq!(decide(provisioning, foreign.clone()), Refuse(foreign));
        }
        for weight in [Weight::Needed, Weight::Wished] {
            let some = differing(weight);
            assert_eq!(decide(P::Update, some.clone()), Update(some));
        }
        for provisioning in [P::Create, P::Verify] {
            let needed = differing(Weight::Needed);
            assert_eq!(decide(provisioning, needed.clone()), Refuse(needed));
            let wished = differing(Weight::Wished);
            assert_eq!(decide(provisioning, wished.clone()), Leave(wished));
        }
        assert_eq!(decide_missing(P::Create), Create);
        assert_eq!(decide_missing(P::Update), Create);
        assert_eq!(decide_missing(P::Verify), Refuse(Vec::new()));
    }

    #[test]
    fn a_plan_reads_as_a_list_and_refuses_with_advice() {
        let step = |asset: &str, action| ProvisionStep {
            asset: asset.to_owned(),
            action,
        };
        let plan = ProvisionPlan::of(vec![
            step("stream SMS", ProvisionAction::Create),
            step(
                "stream SMS_DEAD",
                ProvisionAction::Leave(differing(Weight::Wished)),
            ),
        ]);
        assert_eq!(
            plan.to_string(),
            "create stream SMS\nleave  stream SMS_DEAD: max_age is 2, not 1\n"
        );
        assert!(!plan.is_settled());
        assert!(plan.check().is_ok());
        let refused = |differences| {
            let step = step("stream SMS", ProvisionAction::Refuse(differences));
            ProvisionPlan::of(vec![step]).check().unwrap_err()
        };
        assert_eq!(refused(Vec::new()).kind(), BackendErrorKind::Missing);
        let error = refused(differing(Weight::Foreign));
        assert_eq!(error.kind(), BackendErrorKind::Conflict);
        assert!(error.to_string().contains("name the queue differently"));
        let error = refused(differing(Weight::Needed));
        assert!(error.to_string().contains("QUEUE_NATS_PROVISIONING=update"));
    }
}
