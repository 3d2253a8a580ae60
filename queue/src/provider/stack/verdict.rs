//! What several failed tries at one message come to. Pure.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::job::{Priority, UnknownPolicy};
use crate::provider::{ProviderError, ProviderErrorKind, SendContext};

/// Which messages go elsewhere while the provider that is asked first says *not now*: its circuit breaker is open, or its
/// rate is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spill {
    /// All of them.
    All,
    /// Those that can't wait: of priority critical or high, or with a deadline before the moment at which the provider may
    /// be asked again. The others wait for it, no attempt charged: a campaign is not worth the second provider's price.
    Urgent,
}

/// Whether the next provider may be asked after this one failed.
///
/// | The first said | Another is asked |
/// | --- | --- |
/// | *rejected* | only when the error says that another may help |
/// | *throttled* | as [`Spill`] says |
/// | *transient*, *misconfigured* | yes: surely not sent |
/// | *unknown* | only when the job's policy is to try again, which allows doubles |
pub(super) fn goes_on(
    error: &ProviderError,
    context: &SendContext,
    spill: Spill,
    now: Timestamp,
) -> bool {
    match error.kind() {
        ProviderErrorKind::Rejected => error.may_help_elsewhere(),
        ProviderErrorKind::Throttled { after } => {
            spill == Spill::All || is_urgent(context, now.saturating_add(after))
        }
        ProviderErrorKind::Transient { .. } | ProviderErrorKind::Misconfigured => true,
        ProviderErrorKind::Unknown => context.unknown == UnknownPolicy::Retry,
    }
}

/// Whether a message can't wait until `next_try`.
fn is_urgent(context: &SendContext, next_try: Timestamp) -> bool {
    is_urgent_priority(context.priority)
        || context
            .deadline
            .is_some_and(|deadline| deadline <= next_try)
}

/// Whether messages of this priority never wait for a provider.
pub(super) fn is_urgent_priority(priority: Priority) -> bool {
    match priority {
        Priority::Critical | Priority::High => true,
        Priority::Normal | Priority::Low => false,
    }
}

/// What the job is told when every try failed: the error of the try that says most about it.
///
/// *Unknown* before all: one of them may have sent it. Then what keeps the job alive, *transient* before *throttled* and
/// *misconfigured*, with the shortest wait of all tries; a provider that only waits is tried again by then. *Rejected* only
/// when nobody else may still take it.
pub(super) fn verdict(tries: Vec<ProviderError>) -> Option<ProviderError> {
    let rank = |error: &ProviderError| match error.kind() {
        ProviderErrorKind::Unknown => 0,
        ProviderErrorKind::Transient { .. } => 1,
        ProviderErrorKind::Throttled { .. } => 2,
        ProviderErrorKind::Misconfigured => 3,
        ProviderErrorKind::Rejected => 4,
    };
    // Not of a refusal that ends it: nobody is asked after that one.
    let ends = |error: &ProviderError| {
        error.kind() == ProviderErrorKind::Rejected && !error.may_help_elsewhere()
    };
    let may_be_sent = tries.iter().any(|error| rank(error) == 0);
    if !may_be_sent && tries.last().is_some_and(ends) {
        return tries.into_iter().next_back();
    }
    let wait = tries.iter().filter_map(wait).min();
    let first = tries.into_iter().min_by_key(rank)?;
    Some(match (first.kind(), wait) {
        (ProviderErrorKind::Throttled { .. }, Some(after)) => {
            first.with_kind(ProviderErrorKind::Throttled { after })
        }
        _ => first,
    })
}

fn wait(error: &ProviderError) -> Option<Duration> {
    match error.kind() {
        ProviderErrorKind::Throttled { after } => Some(after),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::JobId;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn context(priority: Priority, unknown: UnknownPolicy) -> SendContext {
        let mut context = SendContext::new(JobId::new(), Duration::from_secs(10));
        context.priority = priority;
        context.unknown = unknown;
        context
    }

    fn throttled(seconds: u64) -> ProviderError {
        ProviderError::throttled(Duration::from_secs(seconds), "later")
    }

    #[test]
    fn another_is_asked_as_the_table_says() {
        use Priority::{Critical, High, Low, Normal};
        use Spill::{All, Urgent};
        use UnknownPolicy::{Ask, Retry, Stop};
        let rejected = ProviderError::rejected("no");
        let elsewhere = ProviderError::rejected("not my network").elsewhere();
        let opted_out = ProviderError::rejected("opted out").elsewhere().suppress();
        let transient = ProviderError::transient("down");
        let misconfigured = ProviderError::misconfigured("key");
        let unknown = ProviderError::unknown("cut");
        for (error, priority, policy, spill, expected) in [
            (&rejected, High, Retry, All, false),
            (&elsewhere, Low, Stop, Urgent, true),
            (&opted_out, High, Retry, All, false),
            (&transient, Low, Stop, Urgent, true),
            (&misconfigured, Low, Stop, Urgent, true),
            (&unknown, High, Retry, Urgent, true),
            (&unknown, High, Stop, All, false),
            (&unknown, High, Ask, All, false),
            (&throttled(60), Critical, Stop, Urgent, true),
            (&throttled(60), High, Stop, Urgent, true),
            (&throttled(60), Normal, Stop, Urgent, false),
            (&throttled(60), Low, Stop, Urgent, false),
            (&throttled(60), Low, Stop, All, true),
        ] {
            let context = context(priority, policy);
            let goes_on = goes_on(error, &context, spill, NOW);
            assert_eq!(
                goes_on, expected,
                "{error:?} {priority} {policy:?} {spill:?}"
            );
        }
    }

    #[test]
    fn a_deadline_before_the_next_try_makes_a_message_urgent() {
        let mut context = context(Priority::Low, UnknownPolicy::Stop);
        for (seconds, expected) in [(59, true), (60, true), (61, false)] {
            context.deadline = Some(NOW.saturating_add(Duration::from_secs(seconds)));
            let goes_on = goes_on(&throttled(60), &context, Spill::Urgent, NOW);
            assert_eq!(goes_on, expected, "{seconds}");
        }
    }

    #[test]
    fn several_failures_come_to_the_one_that_says_most() {
        let rejected = || ProviderError::rejected("no");
        let elsewhere = || ProviderError::rejected("not my network").elsewhere();
        let transient = || ProviderError::transient("down");
        let misconfigured = || ProviderError::misconfigured("key");
        let unknown = || ProviderError::unknown("cut");
        for (tries, expected) in [
            (vec![unknown(), transient()], unknown()),
            (vec![unknown(), rejected()], unknown()),
            (vec![throttled(60), unknown()], unknown()),
            (vec![throttled(60), transient()], transient()),
            (vec![throttled(60), throttled(5)], throttled(5)),
            (vec![misconfigured(), throttled(5)], throttled(5)),
            (vec![transient(), elsewhere()], transient()),
            (vec![elsewhere(), misconfigured()], misconfigured()),
            (vec![elsewhere(), elsewhere()], elsewhere()),
            // Said of the message itself, so nobody's turn comes after it.
            (vec![transient(), rejected()], rejected()),
            (vec![throttled(60), rejected()], rejected()),
        ] {
            assert_eq!(verdict(tries.clone()), Some(expected), "{tries:?}");
        }
        assert_eq!(verdict(Vec::new()), None);
    }
}
